"""How much score is lost on columns as they come, against the same table cleaned by hand.

    python messy_frames.py                      # 400 frames, about three minutes on one core
    python messy_frames.py --frames 40 --kinds money dates

Each frame has clean columns and some that are written as they are met: every kind alone, then several together. A
linear model and boosting, with the package's own encoders and the settings that a search tries first, are fitted on the
frame and on one in which a person has turned these columns into numbers, dates and labels. The better of the two by the
rows left out is the score (R2 or accuracy). A loss is silent where no sentence or warning names the column.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from autoarch._core.clock import Deadline
from autoarch._data.canonical import Canonicaliser
from autoarch._search.evaluate import fit_steps
from autoarch.families.base import Problem
from autoarch.families.linear import Linear
from autoarch.families.tree import Tree

ROWS, TRAINED = 700, 450
PLAIN = ("codes", "many levels", "written anyhow", "yes and no", "objects")  # what they seem, or what they always are
WORDS = "red blue old new small large fast slow broken mint rare common heavy light"
Column = tuple[pd.Series, pd.Series | pd.DataFrame, np.ndarray]  # as it comes, cleaned by hand, its effect on y
Generator = np.random.Generator


def amounts(g: Generator) -> np.ndarray:
    """Positive numbers with two decimals, some above a thousand."""
    return np.exp(g.normal(6, 1.2, ROWS)).round(2)


def effect_of(values: np.ndarray) -> np.ndarray:
    """The logarithm of amounts, scaled."""
    logs = np.log(np.maximum(values, 1e-9))
    return (logs - logs.mean()) / logs.std()


def numbers_as(write: Callable[[float], str], odd: tuple[str, ...] = (), share: float = 0.03) -> Callable[..., Column]:
    """A kind of column that holds amounts as some text, a few cells of it odd."""

    def make(g: Generator) -> Column:
        values = amounts(g)
        texts, clean = pd.Series([write(value) for value in values]), pd.Series(values)
        for word in odd:
            cells = g.random(ROWS) < share
            texts[cells], clean[cells] = word, np.nan
        return texts, clean, effect_of(values)

    return make


def limits(g: Generator) -> Column:
    """Values below the limit of detection."""
    values = amounts(g).round(0)
    low = np.quantile(values, 0.1)
    texts = pd.Series([f"<{low:g}" if value < low else f"{value:g}" for value in values])
    return texts, pd.Series(np.maximum(values, low)), effect_of(values)


def units(g: Generator) -> Column:
    """Grams and kilograms in one column."""
    values = amounts(g)
    grams = g.random(ROWS) < 0.4
    texts = pd.Series([f"{1000 * v:.0f} g" if small else f"{v} kg" for v, small in zip(values, grams, strict=True)])
    return texts, pd.Series(values), effect_of(values)


def dates_as(write: Callable[[pd.Series], pd.Series]) -> Callable[..., Column]:
    """A kind of column that holds dates in some form; y depends on the season and on the weekend."""

    def make(g: Generator) -> Column:
        days = pd.Series(pd.Timestamp("2021-01-01") + pd.to_timedelta(g.integers(0, 1000 * 24, ROWS), "h"))
        season = np.sin(2 * np.pi * days.dt.day_of_year / 365).to_numpy() + (days.dt.day_of_week >= 5).to_numpy()
        return write(days), days.dt.floor("D") if write(days).dtype == object else days, season

    return make


def parts_of_years(period: str, form: str) -> Callable[..., Column]:
    """A kind of column that holds months or quarters; y depends on the season."""

    def make(g: Generator) -> Column:
        days = pd.Series(pd.Timestamp("2021-01-01") + pd.to_timedelta(g.integers(0, 1000, ROWS), "D"))
        starts = days.dt.to_period(period).dt.start_time
        texts = starts.dt.to_period(period).astype(str) if not form else starts.dt.strftime(form)
        return texts.astype(object), starts, np.sin(2 * np.pi * starts.dt.day_of_year / 365).to_numpy()

    return make


def times(g: Generator) -> Column:
    """Times of the day."""
    minutes = g.integers(0, 1440, ROWS)
    texts = pd.Series([f"{m // 60:02d}:{m % 60:02d}" for m in minutes])
    return texts, pd.Series(minutes), np.sin(2 * np.pi * minutes / 1440)


def durations(g: Generator) -> Column:
    """Spans in words."""
    minutes = g.integers(1, 400, ROWS)
    texts = pd.Series([f"{m // 60}h {m % 60}m" if m >= 60 else f"{m}m" for m in minutes])
    return texts, pd.Series(minutes), (minutes - 200) / 115


def codes(g: Generator) -> Column:
    """Codes of which most, but not all, are numbers; new rows hold them as another type (see ``frames``)."""
    names = np.array(["10", "11", "12", "13", "A1", "B2"])
    which = g.integers(0, 6, ROWS)
    texts = pd.Series(names[which])
    return texts, texts.map(lambda code: f"c{code}"), g.normal(size=6)[which]


def shops(g: Generator) -> Column:
    """Many levels; by hand they are what their levels do on average in the training rows."""
    which = g.integers(0, 90, ROWS)
    effect = g.normal(size=90)[which]
    texts = pd.Series([f"shop-{shop:03d}" for shop in which])
    return texts, texts, effect


def words(g: Generator) -> Column:
    """Text, in which some words count; by hand there is a column for each."""
    vocabulary = np.array(WORDS.split())
    drawn = g.random((ROWS, len(vocabulary))) < 0.3
    rest = [" ".join([*vocabulary[row], f"no {number}"]) for number, row in enumerate(drawn)]
    columns = pd.DataFrame(drawn.astype(float), columns=[f"has {word}" for word in vocabulary])
    return pd.Series(rest), columns, 2.0 * drawn[:, 8]


def idle(g: Generator) -> Column:
    """A column without any value."""
    return pd.Series([None] * ROWS, dtype=object), pd.Series(np.zeros(ROWS)), np.zeros(ROWS)


def constant(g: Generator) -> Column:
    """The same word in every row."""
    return pd.Series(["yes"] * ROWS), pd.Series(np.zeros(ROWS)), np.zeros(ROWS)


def identity(g: Generator) -> Column:
    """A different word in every row; by hand it is left out."""
    return pd.Series([f"u{n:05d}" for n in g.permutation(ROWS)]), pd.Series(np.zeros(ROWS)), np.zeros(ROWS)


def large(g: Generator) -> Column:
    """Small differences around a billion."""
    values = g.normal(size=ROWS)
    return pd.Series(values + 1e9), pd.Series(values), values


def tiny(g: Generator) -> Column:
    """Numbers of a unit that is far too large for them."""
    values = g.normal(size=ROWS)
    return pd.Series(values * 1e-15), pd.Series(values), values


def clock(g: Generator) -> Column:
    """Times of the day as they are said."""
    minutes = g.integers(0, 1440, ROWS)
    texts = pd.Series([(pd.Timestamp(0) + pd.Timedelta(minutes=int(m))).strftime("%I:%M %p") for m in minutes])
    return texts, pd.Series(minutes), np.sin(2 * np.pi * minutes / 1440)


def written(g: Generator) -> Column:
    """A few labels in any case, with blanks around some."""
    which = g.integers(0, 4, ROWS)
    texts = pd.Series(np.array(["north", "south", "east", "west"])[which])
    forms = [str.upper, str.title, str.strip, lambda text: f" {text} "]
    messy = pd.Series([forms[form](text) for form, text in zip(g.integers(0, 4, ROWS), texts, strict=True)])
    return messy, texts, g.normal(size=4)[which]


def answers(g: Generator) -> Column:
    """Yes and no, some without an answer."""
    which = g.random(ROWS) < 0.5
    texts = pd.Series(np.where(which, "yes", "no")).astype(object)
    clean = pd.Series(which.astype(float))
    unknown = g.random(ROWS) < 0.05
    texts[unknown], clean[unknown] = "n/a", np.nan
    return texts, clean, np.where(which, 1.0, -1.0)


def sentinels(g: Generator) -> Column:
    """Numbers, of which some stand for no measurement."""
    values = pd.Series(g.normal(50, 10, ROWS).round(1))
    known, unknown = values.to_numpy().copy(), g.random(ROWS) < 0.04
    values[unknown] = -999.0
    return values, values.where(~unknown), (known - 50) / 10


def zones(g: Generator) -> Column:
    """Moments with a zone, in new rows with another one (see ``frames``)."""
    days = pd.Series(pd.Timestamp("2021-01-01") + pd.to_timedelta(g.integers(0, 1000 * 24, ROWS), "h"))
    hour = days.dt.hour.to_numpy()
    return days.dt.tz_localize("UTC"), days, np.sin(2 * np.pi * hour / 24)


def objects(g: Generator) -> Column:
    """Numbers in a column of objects, in new rows as text (see ``frames``)."""
    values = amounts(g)
    return pd.Series(values, dtype=object), pd.Series(values), effect_of(values)


def copied(g: Generator) -> Column:
    """A copy of the first column, as text."""
    values = g.normal(size=ROWS)
    return pd.Series([f"{value:.6f}" for value in values]), pd.Series(values), values


KINDS: dict[str, Callable[[Generator], Column]] = {
    "question marks": numbers_as(lambda value: f"{value}", ("?",)),
    "n/a and -": numbers_as(lambda value: f"{value}", ("n/a", "-")),
    "words": numbers_as(lambda value: f"{value}", ("see note", "ask Bob"), 0.01),
    "thousands": numbers_as(lambda value: f"{value:,.0f}"),
    "decimal commas": numbers_as(lambda value: f"{value:_.2f}".replace(".", ",").replace("_", ".")),
    "money": numbers_as(lambda value: f"€ {value:,.2f}", ("",)),
    "dollars behind": numbers_as(lambda value: f"{value:.2f} USD"),
    "percent": numbers_as(lambda value: f"{value:.1f} %"),
    "thousand and million": numbers_as(lambda value: f"{value / 1000:.3f}k" if value > 400 else f"{value:.1f}"),
    "parentheses": numbers_as(lambda value: f"({value - 300:.2f})" if value > 300 else f"{300 - value:.2f}"),
    "powers of ten": numbers_as(lambda value: f"{value:.3e}"),
    "blanks between thousands": numbers_as(lambda value: f"{value:,.2f}".replace(",", " ").replace(".", ",")),
    "about": numbers_as(lambda value: f"{value:.1f}", ("about 300", "300-400", "NULL", "--"), 0.01),
    "limits": limits,
    "units": units,
    "day first": dates_as(lambda days: days.dt.strftime("%d/%m/%Y").astype(object)),
    "month first": dates_as(lambda days: days.dt.strftime("%m/%d/%y").astype(object)),
    "dates in words": dates_as(lambda days: days.dt.strftime("%d %b %Y").astype(object)),
    "digits of dates": dates_as(lambda days: days.dt.strftime("%Y%m%d").astype(object)),
    "epoch seconds": dates_as(lambda days: days.astype("datetime64[s]").astype("int64")),
    "months": parts_of_years("M", "%b-%Y"),
    "quarters": parts_of_years("Q", ""),
    "dates and times": dates_as(lambda days: days.dt.strftime("%d.%m.%Y %H:%M").astype(object)),
    "epoch milliseconds": dates_as(lambda days: days.astype("datetime64[ms]").astype("int64")),
    "zones": zones,
    "times": times,
    "clock": clock,
    "durations": durations,
    "codes": codes,
    "many levels": shops,
    "text": words,
    "written anyhow": written,
    "yes and no": answers,
    "sentinels": sentinels,
    "objects": objects,
    "copies": copied,
    "no value": idle,
    "constant": constant,
    "identity": identity,
    "around a billion": large,
    "tiny units": tiny,
}


def main() -> None:
    """Generate the frames, fit and print what is lost by kind and in all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    began = time.process_time()
    rows = [row(arguments.seed + n, n, arguments.kinds) for n in range(arguments.frames)]
    table = pd.DataFrame(rows)
    table["alone"] = table["kinds"].str.count("\\+") == 0
    loss = table["cleaned"] - table["as it comes"]
    by_kind = loss[table["alone"]].groupby(table["kinds"]).agg(["count", "mean", "max"])
    print(by_kind.round(4).to_string())
    several, silent = loss[~table["alone"]], table[(loss > 0.05) & ~table["said"]]
    print(f"\nseveral kinds together: mean loss {several.mean():.4f}, largest {several.max():.4f}")
    print(f"all {len(table)}: mean {loss.mean():.4f}; above .05: {(loss > 0.05).sum()}, of them silent {len(silent)}")
    print(f"{time.process_time() - began:.0f} s of one core")
    if len(silent):
        print(silent.to_string())


def row(seed: int, number: int, kinds: list[str]) -> dict[str, object]:
    """Fit one frame and its clean twin."""
    g = np.random.default_rng(seed)
    chosen = [kinds[number // 2 % len(kinds)]] if number % 2 == 0 else list(g.choice(kinds, min(4, len(kinds)), False))
    base = g.normal(size=(ROWS, 3))
    messy = pd.DataFrame(base, columns=["a", "b", "c"]).assign(label=g.choice(["x", "y", "z"], ROWS))
    clean, signal = messy.copy(), base[:, 0] + 0.5 * base[:, 1] * base[:, 2] + (messy["label"] == "x").to_numpy()
    for kind in chosen:
        messy[kind], cleaned, effect = KINDS[kind](g)
        clean = pd.concat([clean, cleaned.rename(kind) if isinstance(cleaned, pd.Series) else cleaned], axis=1)
        signal = signal + effect
    y = signal + 0.3 * signal.std() * g.normal(size=ROWS)
    classification = bool(number % 4 >= 2)
    target = np.where(y > np.median(y), "high", "low") if classification else y
    new = messy.iloc[TRAINED:]
    if "codes" in chosen:  # a later file that happens to hold numbers alone is read as numbers
        new = new.assign(codes=new["codes"].where(new["codes"].str.isdigit(), "10")).astype({"codes": "int64"})
        clean.loc[~messy["codes"].str.isdigit() & (np.arange(ROWS) >= TRAINED), "codes"] = "c10"
    if "zones" in chosen:
        new = new.assign(zones=new["zones"].dt.tz_convert("Asia/Tokyo"))
    if "objects" in chosen:
        new = new.assign(objects=new["objects"].astype(str))
    score, said = score_of(messy.iloc[:TRAINED], new, target)
    return {
        "kinds": " + ".join(chosen),
        "classification": classification,
        "as it comes": score,
        "cleaned": score_of(clean.iloc[:TRAINED], clean.iloc[TRAINED:], target)[0],
        "said": all(kind in said for kind in chosen if messy[kind].dtype == object and kind not in PLAIN),
    }


def score_of(train: pd.DataFrame, new: pd.DataFrame, y: np.ndarray) -> tuple[float, str]:
    """The better score of two quick models on new rows, and what was said of the columns."""
    classification = y.dtype.kind != "f"
    known = y[:TRAINED]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        canonical = Canonicaliser()
        X = canonical.fit_transform(train)
        numbers = np.unique(known, return_inverse=True)[1]
        said = [*canonical.findings(X, numbers, classification=classification), *canonical.dropped_]
        X_new = canonical.transform(new)
    problem = Problem(
        task="classification" if classification else "regression",
        n_samples=len(X),
        n_features=X.shape[1],
        n_classes=2 if classification else 0,
        smallest_class=int(np.bincount(numbers).min()) if classification else 0,
        layout=canonical.layout_,
        categorical=canonical.categorical_,
        cardinalities=canonical.cardinalities_,
        has_missing=canonical.has_missing_,
    )
    boosting = {**Tree().defaults(problem)[0], "rate": 0.1, "amount": 8.0}
    candidates = [(Linear(), params) for params in Linear().defaults(problem)[: Linear().openings(problem)]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = [
            fit_steps(family, params, problem, 0, X, known, None, Deadline()).score(X_new, y[TRAINED:])
            for family, params in [*candidates, (Tree(), boosting)]
        ]
    return float(max(scores)), " ".join([*map(str, said), *(str(warning.message) for warning in caught)])


if __name__ == "__main__":
    main()
