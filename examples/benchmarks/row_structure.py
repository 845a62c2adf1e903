"""Is structure of the rows found where it is, and nothing where it is not?

    python row_structure.py                       # sources of the second half, which no threshold has seen
    python row_structure.py --half first          # those on which thresholds were fixed
    python row_structure.py --half further        # those of row_sources.py, written later
    python row_structure.py --data DIR            # and real tables, which must be silent

Every source is drawn anew from a seed. Structured ones: copies (over-sampled classes, merged files, repeated rows with
the noise of float32), windows of six kinds in order and shuffled, groups that a column names with noise from none to
the spread of the groups, stations without a name, drifts and neighbours in time, places. Independent ones: tables of
numbers, of few distinct values, with strong categorical features (shops with an effect each, hierarchies of names,
quantities in whole numbers, cities whose features differ), files sorted by the label. Named means that ``found``
holds the structure; a false alarm that it holds any.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from autoarch import probe_rows
from row_sources import FURTHER

Rng = np.random.Generator
SILENT = ("credit_g", "bfi_survey", "diamonds", "telco_churn", "adult", "soybean")


def main() -> None:
    """Probe every source, and print a line for each and the two rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=("first", "second", "both", "further"), default="second")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    rows, further = [], arguments.half == "further"
    for place, (name, (wanted, make)) in enumerate((FURTHER if further else SOURCES).items()):
        half = ("first", "second")[place % 2]
        if not (further or arguments.half in (half, "both")) or (
            arguments.only and not any(o in name for o in arguments.only)
        ):
            continue
        for draw in range(arguments.draws):
            rng = np.random.default_rng([place, draw])
            X, y = make(rng)
            rows.append(told(name, wanted, X, y, draw))
    for name in SILENT if arguments.data else ():
        X, y = real(arguments.data, name)
        rows.append(told(name, "", X, y, 0))
    table = pd.DataFrame(rows)
    for kind, part in table.groupby(table.wanted == ""):
        what = "false alarms" if kind else "named"
        rate = part.found.ne("").mean() if kind else part.right.mean()
        print(f"{what}: {rate:.3f} of {len(part)}; longest {part.seconds.max():.2f} s")


def told(name: str, wanted: str, X: object, y: np.ndarray, draw: int) -> dict[str, object]:
    """What the probe says of one draw."""
    began = time.perf_counter()
    report = probe_rows(X, y, random_state=draw)
    seconds = time.perf_counter() - began
    right = wanted in report.found if wanted else not report.found
    effects = {each.question: round(each.effect, 3) for each in report.evidence}
    print(
        f"{'  ' if right else '! '}{name:<32}{draw} {wanted or '-':<8} {report.found} {effects} {seconds:.2f} s",
        flush=True,
    )
    return {"name": name, "wanted": wanted, "found": " ".join(report.found), "right": right, "seconds": seconds}


def real(folder: Path, name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """A table of the folder, equal rows removed where it is of few distinct values."""
    facts = {each["name"]: each for each in json.loads((folder / "datasets.json").read_text())["datasets"]}[name]
    table = pd.read_parquet(folder / f"{name}.parquet")
    X = table.drop(columns=["target", *filter(None, [facts.get("split_column")])])
    if name in ("adult", "soybean"):
        kept = ~X.duplicated()
        X, table = X[kept].reset_index(drop=True), table[kept]
    return X, table["target"].to_numpy()


def label(rng: Rng, score: np.ndarray, *, classes: bool) -> np.ndarray:
    """Labels from a score, or the score with noise."""
    noisy = score + 0.3 * score.std() * rng.normal(size=len(score))
    return (noisy > np.median(noisy)).astype(int) if classes else noisy


def plain(n: int, p: int, *, classes: bool = True) -> Callable[[Rng], tuple[np.ndarray, np.ndarray]]:
    """Independent rows of numbers."""

    def draw(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
        X = rng.normal(size=(n, p)) @ rng.normal(size=(p, p))
        return X, label(rng, X @ rng.normal(size=p), classes=classes)

    return draw


def few_values(n: int, p: int, levels: int, *, frame: bool = False) -> Callable[[Rng], tuple[object, np.ndarray]]:
    """Independent rows of few distinct values, which hold equal rows by chance."""

    def draw(rng: Rng) -> tuple[object, np.ndarray]:
        share = rng.dirichlet(np.ones(levels), size=p)
        hidden = rng.integers(3, size=n)
        codes = np.stack([rng.choice(levels, n, p=share[(j + 1) % p]) for j in range(p)], axis=1)
        codes[:, 0] = hidden
        y = label(rng, codes @ rng.normal(size=p), classes=True)
        return (pd.DataFrame(codes.astype(str), columns=[f"q{j}" for j in range(p)]) if frame else codes), y

    return draw


def shops(n: int, k: int, *, classes: bool, differ: float = 0.0) -> Callable[[Rng], tuple[pd.DataFrame, np.ndarray]]:
    """Shops with an effect each: a strong feature that no other column betrays (features may differ by shop)."""

    def draw(rng: Rng) -> tuple[pd.DataFrame, np.ndarray]:
        shop = rng.choice(k, n, p=rng.dirichlet(3 * np.ones(k)))
        numbers = rng.normal(size=(n, 4)) + differ * rng.normal(size=(k, 4))[shop]
        X = pd.DataFrame(numbers, columns=list("abcd"))
        X["shop"], X["size"] = np.char.add("s", shop.astype(str)), rng.choice(["small", "large"], n)
        effect = 0.0 if differ else 1.5
        return X, label(rng, effect * rng.normal(size=k)[shop] + numbers[:, 0], classes=classes)

    return draw


def hierarchy(n: int) -> Callable[[Rng], tuple[pd.DataFrame, np.ndarray]]:
    """Names within names: a category, a finer one, and a code that repeats it."""

    def draw(rng: Rng) -> tuple[pd.DataFrame, np.ndarray]:
        fine = rng.integers(60, size=n)
        coarse = fine // 4
        X = pd.DataFrame({"fine": np.char.add("f", fine.astype(str)), "coarse": np.char.add("c", coarse.astype(str))})
        X["code"], X["price"], X["n"] = coarse, rng.lognormal(size=n).round(2), rng.poisson(3, n)
        return X, label(rng, rng.normal(size=15)[coarse] + rng.normal(size=60)[fine] + X["price"] / 3, classes=True)

    return draw


def quantities(n: int) -> Callable[[Rng], tuple[pd.DataFrame, np.ndarray]]:
    """Whole numbers that are quantities: ages, counts, years of school, and what follows from them."""

    def draw(rng: Rng) -> tuple[pd.DataFrame, np.ndarray]:
        age = rng.integers(18, 80, n)
        X = pd.DataFrame({"age": age, "school": rng.integers(6, 20, n), "visits": rng.poisson(5, n)})
        X["pay"] = (20 + 0.4 * age + X["school"] + 5 * rng.normal(size=n)).round(1)
        X["weight"] = (60 + 0.2 * age + 8 * rng.normal(size=n)).round(1)
        return X, label(rng, np.sin(age / 10) + 0.1 * X["pay"].to_numpy(), classes=bool(rng.integers(2)))

    return draw


def sorted_file(n: int, by: str) -> Callable[[Rng], tuple[np.ndarray, np.ndarray]]:
    """Independent rows in a file that is sorted by the label, or by a feature."""

    def draw(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
        X, y = plain(n, 8, classes=by != "numbers")(rng)
        if by == "several classes":
            y = np.digitize(X[:, 0] + X[:, 1], np.quantile(X[:, 0] + X[:, 1], [0.2, 0.4, 0.6, 0.8]))
        order = np.argsort(X[:, 2] if by == "a feature" else y, kind="stable")
        return X[order], y[order]

    return draw


def oversampled(n: int, frame: bool) -> Callable[[Rng], tuple[object, np.ndarray]]:
    """A rare class repeated until it is frequent."""

    def draw(rng: Rng) -> tuple[object, np.ndarray]:
        X, score = plain(n, 8, classes=False)(rng)
        y = (score > np.quantile(score, 0.9)).astype(int)
        rows = rng.permutation(np.r_[np.arange(n), rng.choice(np.flatnonzero(y), int(0.7 * n))])
        X = pd.DataFrame(X, columns=list("abcdefgh")) if frame else X
        if frame:
            X["colour"] = rng.choice(["red", "green", "blue"], n)
            return X.iloc[rows].reset_index(drop=True), y[rows]
        return X[rows], y[rows]

    return draw


def merged(n: int, share: float, noise: float) -> Callable[[Rng], tuple[np.ndarray, np.ndarray]]:
    """Two files that share rows, which were rounded to float32 on the way."""

    def draw(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
        X, y = plain(n, 10, classes=False)(rng)
        again = rng.permutation(n)[: int(share * n)]
        copies = X[again].astype(np.float32).astype(float) if noise else X[again]
        rows = rng.permutation(n + len(again))
        return np.r_[X, copies][rows], np.r_[y, y[again]][rows]

    return draw


def windows(scale: str, *, shuffled: bool, noise: bool = False) -> Callable[[Rng], tuple[np.ndarray, np.ndarray]]:
    """Overlapping windows of records; what follows each is its label."""

    def draw(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
        records = rng.normal(size=(6, 400))
        records = records if noise else 100 + np.cumsum(records, axis=1)
        views = np.lib.stride_tricks.sliding_window_view(records, 31, axis=1)[:, :: int(rng.integers(1, 6))]
        X = views.reshape(-1, 31).copy()
        X, after = X[:, :30], X[:, 30]
        y = (after > X[:, 29]).astype(int)
        level, spread = X.mean(axis=1, keepdims=True), X.std(axis=1, keepdims=True)
        X = {
            "raw": X,
            "standardised": (X - level) / spread,
            "by last": X / X[:, -1:],
            "centred": X - level,
            "change": np.diff(X, axis=1) / X[:, :-1],
            "float32": X.astype(np.float32),
        }[scale]
        order = rng.permutation(len(X)) if shuffled else np.arange(len(X))
        return X[order], y[order]

    return draw


def patients(
    k: int, each: int, noise: float, *, classes: bool = True, name: str = "patient", ordered: bool = False
) -> Callable[[Rng], tuple[pd.DataFrame, np.ndarray]]:
    """Rows of patients that share features and a label, named by a column."""

    def draw(rng: Rng) -> tuple[pd.DataFrame, np.ndarray]:
        who = np.sort(rng.integers(k, size=k * each)) if ordered else rng.integers(k, size=k * each)
        own = rng.normal(size=(k, 8))
        X = pd.DataFrame(own[who] + noise * rng.normal(size=(len(who), 8)), columns=list("abcdefgh"))
        effect = rng.normal(size=k)
        y = label(rng, effect[who] + 0.2 * X["a"].to_numpy(), classes=classes)
        codes = rng.permutation(10 * k)[:k]
        if name == "index":
            return X.set_index(pd.Index(codes[who], name="subject")), y
        X[name] = np.char.add("p", codes[who].astype(str)) if name == "patient" else codes[who]
        return X, y

    return draw


def stations(k: int, days: int, *, named: bool, columns: int = 3) -> Callable[[Rng], tuple[pd.DataFrame, np.ndarray]]:
    """Stations with a longitude, a latitude and a height, which no column names."""

    def draw(rng: Rng) -> tuple[pd.DataFrame, np.ndarray]:
        where = np.repeat(np.arange(k), days)
        X = pd.DataFrame({"lon": rng.uniform(5, 15, k), "lat": rng.uniform(45, 52, k)}).iloc[where]
        X = X.reset_index(drop=True)
        if columns > 2:
            X["height"] = rng.integers(0, 2000, k)[where]
        X["temp"] = np.tile(rng.normal(size=days), k) + 0.3 * rng.normal(size=k * days)
        if named:
            X["station"] = np.char.add("w", where.astype(str))
        order = rng.permutation(len(X))
        y = 1.2 * rng.normal(size=k)[where] + X["temp"].to_numpy() + 0.3 * rng.normal(size=len(X))
        return X.iloc[order].reset_index(drop=True), y[order]

    return draw


def in_time(n: int, kind: str) -> Callable[[Rng], tuple[object, np.ndarray]]:
    """Rows in time: a label or a relation that drifts with a date, or neighbours that are alike in their order."""

    def draw(rng: Rng) -> tuple[object, np.ndarray]:
        t = np.sort(rng.uniform(size=n))
        X = rng.normal(size=(n, 6))
        if kind == "alike":
            steps = rng.normal(size=(n, 7))
            for row in range(1, n):
                steps[row] += 0.97 * steps[row - 1]
            return steps[:, :6] + 0.3 * rng.normal(size=(n, 6)), label(
                rng, steps[:, 6] + 0.2 * steps[:, 0], classes=True
            )
        score = X[:, 0] + (3 * t if kind == "label" else 0.0)
        if kind == "relation":
            angle = 3 * t
            score = np.cos(angle) * X[:, 0] + np.sin(angle) * X[:, 1]
        frame = pd.DataFrame(X, columns=list("abcdef"))
        frame["when"] = pd.Timestamp("2020-01-01") + pd.to_timedelta((t * 1000).round(3), unit="D")
        order = rng.permutation(n)
        y = label(rng, score, classes=bool(rng.integers(2)))
        return frame.iloc[order].reset_index(drop=True), y[order]

    return draw


def on_a_map(n: int, wave: float) -> Callable[[Rng], tuple[pd.DataFrame, np.ndarray]]:
    """Places whose labels are alike nearby."""

    def draw(rng: Rng) -> tuple[pd.DataFrame, np.ndarray]:
        X = pd.DataFrame({"lon": rng.uniform(0, 10, n), "lat": rng.uniform(40, 50, n), "soil": rng.normal(size=n)})
        field = np.sin(X["lon"] * wave + rng.uniform(0, 6)) + np.cos(X["lat"] * wave)
        return X, label(rng, (field + 0.5 * X["soil"]).to_numpy(), classes=bool(rng.integers(2)))

    return draw


def dated(n: int) -> Callable[[Rng], tuple[pd.DataFrame, np.ndarray]]:
    """Independent rows with a date that says nothing."""

    def draw(rng: Rng) -> tuple[pd.DataFrame, np.ndarray]:
        X, y = plain(n, 6)(rng)
        frame = pd.DataFrame(X, columns=list("abcdef"))
        frame["when"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 700, n), unit="D")
        return frame, y

    return draw


SOURCES: dict[str, tuple[str, Callable[[Rng], tuple[object, np.ndarray]]]] = {
    # Neighbours in the list are of one kind: the first of each pair serves to fix thresholds, the second to measure.
    "oversampled numbers": ("copies", oversampled(900, frame=False)),
    "oversampled mixed": ("copies", oversampled(1_500, frame=True)),
    "merged files": ("copies", merged(1_000, 0.3, 0)),
    "merged files, float32": ("copies", merged(2_000, 0.1, 1)),
    **{
        f"windows {scale}{', shuffled' if shuffled else ''}{', noise' if noise else ''}": (
            "windows",
            windows(scale, shuffled=shuffled, noise=noise),
        )
        for scale, pairs in {
            "raw": ((True, False), (False, False)),
            "standardised": ((False, False), (True, False)),
            "by last": ((True, False), (False, False)),
            "centred": ((False, False), (True, True)),
            "change": ((True, False), (False, False)),
            "float32": ((False, True), (True, False)),
        }.items()
        for shuffled, noise in pairs
    },
    "patients, no noise": ("groups", patients(40, 25, 0.0)),
    "patients, noise .1": ("groups", patients(60, 15, 0.1)),
    "patients, noise .5": ("groups", patients(40, 25, 0.5)),
    "patients, noise .7": ("groups", patients(50, 30, 0.7, classes=False)),
    "patients, noise 1": ("groups", patients(40, 25, 1.0)),
    "users, noise 1": ("groups", patients(100, 20, 1.0, name="user")),
    "subjects, noise 1, numbers": ("groups", patients(60, 30, 1.0, classes=False, name="subject")),
    "patients, noise 1, numbers": ("groups", patients(30, 60, 1.0, classes=False)),
    "the index": ("groups", patients(80, 12, 0.5, name="index")),
    "the index, in order": ("groups", patients(50, 20, 0.3, name="index", ordered=True)),
    "users in order": ("groups", patients(30, 40, 0.5, name="user", ordered=True)),
    "plots in order": ("groups", patients(120, 10, 0.5, name="plot", ordered=True)),
    "stations": ("groups", stations(60, 20, named=False)),
    "stations without height": ("groups", stations(80, 15, named=False, columns=2)),
    "named stations": ("groups", stations(40, 30, named=True)),
    "many named stations": ("groups", stations(200, 10, named=True, columns=2)),
    "label drifts": ("time", in_time(1_000, "label")),
    "label drifts, more rows": ("time", in_time(3_000, "label")),
    "relation drifts": ("time", in_time(1_500, "relation")),
    "relation drifts, more rows": ("time", in_time(3_000, "relation")),
    "neighbours alike": ("time", in_time(1_000, "alike")),
    "neighbours alike, more rows": ("time", in_time(2_500, "alike")),
    "places": ("space", on_a_map(500, 1.0)),
    "places, short waves": ("space", on_a_map(1_500, 2.0)),
    "numbers": ("", plain(800, 8)),
    "numbers, regression": ("", plain(2_000, 12, classes=False)),
    "few numbers": ("", plain(200, 4)),
    "many columns": ("", plain(400, 80)),
    "few values": ("", few_values(1_000, 5, 3)),
    "few values, words": ("", few_values(2_000, 8, 4, frame=True)),
    "two values": ("", few_values(3_000, 10, 2)),
    "few values, few rows": ("", few_values(400, 6, 5, frame=True)),
    "shops": ("", shops(2_000, 61, classes=True)),
    "shops, regression": ("", shops(1_500, 40, classes=False)),
    "many shops": ("", shops(5_000, 200, classes=False)),
    "few shops": ("", shops(800, 12, classes=True)),
    "cities that differ": ("", shops(2_000, 50, classes=True, differ=0.8)),
    "cities that differ, regression": ("", shops(3_000, 80, classes=False, differ=1.0)),
    "names within names": ("", hierarchy(2_000)),
    "names within names, more rows": ("", hierarchy(6_000)),
    "quantities": ("", quantities(1_500)),
    "quantities, more rows": ("", quantities(5_000)),
    "sorted by class": ("", sorted_file(900, "class")),
    "sorted by several classes": ("", sorted_file(1_500, "several classes")),
    "sorted by numbers": ("", sorted_file(1_200, "numbers")),
    "sorted by a feature": ("", sorted_file(2_000, "a feature")),
    "dates that say nothing": ("", dated(1_000)),
    "dates that say nothing, more rows": ("", dated(4_000)),
}

if __name__ == "__main__":
    main()
