"""Further sources of rows for ``row_structure.py``, each a function of a generator that returns X and y.

They were written after the thresholds were fixed, as what users have beside the plain cases: names with the number of a
visit in them, constants without a name, seasons, walks, copies with noise, patches; and among independent rows lookups,
factorial designs, files that are nearly sorted, few numbers among many codes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

Rng = np.random.Generator
Draw = tuple[object, np.ndarray]
Window = np.lib.stride_tricks.sliding_window_view
FURTHER: dict[str, tuple[str, Callable[[Rng], Draw]]] = {}


def source(wanted: str) -> Callable[[Callable[[Rng], Draw]], Callable[[Rng], Draw]]:
    """Put a source on the list, with the structure that is to be named; empty for independent rows."""

    def listed(make: Callable[[Rng], Draw]) -> Callable[[Rng], Draw]:
        FURTHER[make.__name__.replace("_", " ")] = wanted, make
        return make

    return listed


def label(rng: Rng, score: object, *, classes: bool = True) -> np.ndarray:
    """Labels from a score, or the score with noise."""
    score = np.asarray(score, dtype=float)
    noisy = score + 0.3 * score.std() * rng.normal(size=len(score))
    return (noisy > np.median(noisy)).astype(int) if classes else noisy


def frame(values: np.ndarray) -> pd.DataFrame:
    """A table with columns v0, v1, ..."""
    return pd.DataFrame(values).add_prefix("v")


def mixed(rng: Rng, X: pd.DataFrame, y: np.ndarray) -> Draw:
    """The rows in another order."""
    order = rng.permutation(len(y))
    return X.iloc[order].reset_index(drop=True), y[order]


def members(rng: Rng, k: int, each: int, noise: float = 0.5, p: int = 6) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Rows of k groups that share features, the group of each, and an effect of each group."""
    who = np.repeat(np.arange(k), each)
    X = frame(rng.normal(size=(k, p))[who] + noise * rng.normal(size=(len(who), p)))
    return X, who, rng.normal(size=k)[who]


# --- groups ---


@source("groups")
def people_by_constants(rng: Rng) -> Draw:
    """No name, but sex, age, height and a first weight, constant within a person."""
    X, who, effect = members(rng, 40, 25, noise=1.0, p=4)
    people = {
        "sex": rng.choice(["f", "m"], 40),
        "age": rng.integers(20, 80, 40),
        "height": rng.normal(170, 9, 40).round(1),
        "first": rng.normal(25, 4, 40).round(2),
    }
    X = X.assign(**{name: values[who] for name, values in people.items()})
    return mixed(rng, X, label(rng, effect + 0.2 * X["v0"]))


@source("groups")
def plots_by_two_numbers(rng: Rng) -> Draw:
    """Depth and acidity of a plot, and weak measurements."""
    X, who, effect = members(rng, 50, 20, noise=2.0, p=3)
    X = X.assign(depth=rng.uniform(0, 30, 50)[who], ph=rng.normal(6.5, 0.6, 50)[who])
    return mixed(rng, X, label(rng, 1.2 * effect + X["v0"] / 2, classes=False))


@source("groups")
def visits_in_the_name(rng: Rng) -> Draw:
    """A different name for each row: that of a patient and the number of a visit."""
    X, who, effect = members(rng, 50, 16)
    X["id"] = [f"p{patient:03d}_v{visit:02d}" for patient, visit in zip(who, np.tile(np.arange(16), 50), strict=True)]
    return mixed(rng, X, label(rng, effect))


@source("groups")
def visits_in_the_index(rng: Rng) -> Draw:
    """The same in the index."""
    X, y = visits_in_the_name(rng)
    return X.set_index("id"), y


@source("groups")
def files_of_sites(rng: Rng) -> Draw:
    """Names of files."""
    X, who, effect = members(rng, 60, 15)
    X["file"] = [f"{'NSEW'[s % 4]}ite{s}-{i}.png" for s, i in zip(who, np.tile(np.arange(15), 60), strict=True)]
    return mixed(rng, X, label(rng, effect, classes=False))


@source("groups")
def names_of_several_words(rng: Rng) -> Draw:
    """Farms with names that are read as text."""
    X, who, effect = members(rng, 40, 25)
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"]
    X["farm"] = [f"{words[farm % 10]} {words[farm // 4]} farm holding" for farm in who]
    return mixed(rng, X, label(rng, effect))


@source("groups")
def names_that_are_missing(rng: Rng) -> Draw:
    """A tenth of the rows lacks its name."""
    X, who, effect = members(rng, 50, 20)
    X["user"] = pd.Series([f"u{each}" for each in who]).where(rng.random(len(X)) > 0.1)
    return mixed(rng, X, label(rng, effect))


@source("groups")
def accounts_of_unequal_size(rng: Rng) -> Draw:
    """A few with many rows, many with a few."""
    share = np.arange(1, 61) ** -0.7
    who = rng.choice(60, 1_500, p=share / share.sum())
    X = frame(rng.normal(size=(60, 6))[who] + 0.8 * rng.normal(size=(1_500, 6)))
    X["account"] = np.char.add("a", who.astype(str))
    return X, label(rng, rng.normal(size=60)[who] + 0.2 * X["v0"])


@source("groups")
def subjects_of_200_columns(rng: Rng) -> Draw:
    """Each column tells little."""
    X, who, effect = members(rng, 40, 20, noise=2.5, p=200)
    return mixed(rng, X.assign(subject=who + 100), label(rng, effect))


@source("groups")
def groups_of_three(rng: Rng) -> Draw:
    """Four hundred of them."""
    X, who, effect = members(rng, 400, 3, noise=0.3)
    return mixed(rng, X.assign(family=who), label(rng, effect))


# --- time and space ---


def dated(X: pd.DataFrame, t: np.ndarray, days: float) -> pd.DataFrame:
    """With a date."""
    return X.assign(when=pd.Timestamp("2019-01-01") + pd.to_timedelta((t * days).round(3), unit="D"))


@source("time")
def seasons(rng: Rng) -> Draw:
    """Three years of one wave each."""
    X, t = frame(rng.normal(size=(1_500, 4))), np.sort(rng.uniform(size=1_500))
    return mixed(
        rng, dated(X, t, 1_095), label(rng, 2 * np.sin(6 * np.pi * t) + X["v0"], classes=bool(rng.integers(2)))
    )


@source("time")
def a_relation_and_dates_as_text(rng: Rng) -> Draw:
    """The relation turns over two years."""
    X, t = frame(rng.normal(size=(1_500, 5))), np.sort(rng.uniform(size=1_500))
    X["when"] = dated(X, t, 700)["when"].dt.strftime("%Y-%m-%d")
    return mixed(rng, X, label(rng, np.cos(3 * t) * X["v0"] + np.sin(3 * t) * X["v1"]))


@source("time")
def stamps(rng: Rng) -> Draw:
    """Seconds since 1970, and a label that drifts."""
    X, t = frame(rng.normal(size=(2_000, 5))), np.sort(rng.uniform(size=2_000))
    X["timestamp"] = (1.6e9 + 1e7 * t).astype(np.int64)
    return mixed(rng, X, label(rng, X["v0"] + 3 * t, classes=False))


@source("time")
def regimes(rng: Rng) -> Draw:
    """Six stretches with a relation each."""
    X, t = frame(rng.normal(size=(1_500, 5))), np.sort(rng.uniform(size=1_500))
    weights = rng.normal(size=(6, 5))[(6 * t).astype(int)]
    return mixed(rng, X.assign(day=(1_000 * t).astype(int)), label(rng, (X * weights).sum(axis=1)))


@source("time")
def walks_in_order(rng: Rng) -> Draw:
    """Features and label walk at random."""
    walk = rng.normal(size=(1_500, 5)).cumsum(axis=0)
    return frame(walk[:, :4] + 0.5 * rng.normal(size=(1_500, 4))), label(rng, walk[:, 4], classes=bool(rng.integers(2)))


@source("space")
def places_by_long_names(rng: Rng) -> Draw:
    """Latitude and Longitude, in this order."""
    X = pd.DataFrame({"soil": rng.normal(size=700), "Latitude": rng.uniform(40, 50, 700)})
    X["Longitude"] = rng.uniform(0, 10, 700)
    return X, label(rng, np.sin(1.5 * X["Latitude"]) + np.cos(1.5 * X["Longitude"]) + X["soil"] / 2)


@source("space")
def places_in_metres(rng: Rng) -> Draw:
    """Easting and northing."""
    X = pd.DataFrame({"easting": rng.uniform(4e5, 4.1e5, 700).round(1), "soil": rng.normal(size=700)})
    X["northing"] = rng.uniform(5.2e6, 5.21e6, 700).round(1)
    return X, label(rng, np.sin(X["easting"] / 900) + np.cos(X["northing"] / 900) + X["soil"] / 2, classes=False)


# --- copies and windows ---


def numbers(rng: Rng, n: int = 1_000, p: int = 8) -> np.ndarray:
    """Numbers that go together."""
    return rng.normal(size=(n, p)) @ rng.normal(size=(p, p))


def repeated(rng: Rng, X: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> Draw:
    """A fifth of the rows comes again, changed."""
    y, again = label(rng, X[:, 0]), rng.permutation(len(X))[: len(X) // 5]
    return mixed(rng, frame(np.r_[X, change(X[again])]), np.r_[y, y[again]])


@source("copies")
def six_digits(rng: Rng) -> Draw:
    """Written with six digits."""
    return repeated(rng, numbers(rng), np.vectorize(lambda value: float(f"{value:.6g}")))


@source("copies")
def short_floats_far_from_zero(rng: Rng) -> Draw:
    """Stored as float32, where numbers are large and their spread is not."""
    X = numbers(rng)
    X[:, 1], X[:, 2] = X[:, 1] + 1e5, 1_000 * X[:, 2] + 5e6
    return repeated(rng, X, lambda rows: rows.astype(np.float32).astype(float))


@source("copies")
def half_floats(rng: Rng) -> Draw:
    """Stored as float16."""
    return repeated(rng, numbers(rng, p=12), lambda rows: rows.astype(np.float16).astype(float))


@source("copies")
def augmented(rng: Rng) -> Draw:
    """With a thousandth of the spread as noise."""
    return repeated(rng, numbers(rng, p=12), lambda rows: rows + 1e-3 * rows.std(axis=0) * rng.normal(size=rows.shape))


def views(records: np.ndarray, width: int, step: int) -> np.ndarray:
    """Windows of each record."""
    return Window(records, width, axis=1)[:, ::step].reshape(-1, width)


def ahead(rng: Rng, seen: np.ndarray, scaled: Callable[[np.ndarray], np.ndarray]) -> Draw:
    """Windows in any order; whether the next value is larger."""
    order = rng.permutation(len(seen))
    return scaled(seen[order, :-1]), (seen[order, -1] > seen[order, -2]).astype(int)


@source("windows")
def windows_from_0_to_1(rng: Rng) -> Draw:
    """Each scaled by its least and greatest value."""

    def scaled(X: np.ndarray) -> np.ndarray:
        return (X - X.min(axis=1, keepdims=True)) / np.ptp(X, axis=1, keepdims=True)

    return ahead(rng, views(rng.normal(size=(5, 500)).cumsum(axis=1), 41, 4), scaled)


@source("windows")
def windows_of_returns(rng: Rng) -> Draw:
    """Differences of logarithms."""
    return ahead(rng, views(rng.normal(size=(5, 500)).cumsum(axis=1), 41, 4), lambda X: np.diff(X / 50, axis=1))


@source("windows")
def windows_that_share_a_half(rng: Rng) -> Draw:
    """As usual for sensors."""
    return ahead(rng, views(rng.normal(size=(9, 900)).cumsum(axis=1), 41, 20), np.asarray)


@source("windows")
def patches(rng: Rng) -> Draw:
    """Of four pictures."""
    pictures = gaussian_filter(rng.normal(size=(4, 80, 80)), (0, 2, 2))
    seen = Window(pictures, (12, 12), axis=(1, 2))[:, ::4, ::4].reshape(-1, 12, 12)
    seen = seen[rng.permutation(len(seen))]
    return seen, (seen.mean(axis=(1, 2)) > 0).astype(int)


# --- independent rows ---


@source("")
def a_factorial_design(rng: Rng) -> Draw:
    """All combinations of four factors, in order."""
    X = np.indices((5,) * 4).reshape(4, -1).T.astype(float)
    return frame(X), label(rng, X @ rng.normal(size=4), classes=False)


@source("")
def classes_in_turn(rng: Rng) -> Draw:
    """Rows of three classes, one after the other."""
    y = np.arange(900) % 3
    return frame(rng.normal(size=(900, 6)) + rng.normal(size=(3, 6))[y]), y


@source("")
def an_income_for_each_zip(rng: Rng) -> Draw:
    """A column that was looked up by another one, and that the label follows."""
    zip_, income = rng.choice(60, 3_000, p=rng.dirichlet(2 * np.ones(60))), rng.lognormal(10, 0.4, 60).round()
    X = pd.DataFrame({"zip": (10_000 + 37 * zip_).astype(str), "income": income[zip_]})
    X["area"] = rng.normal(100, 25, 3_000).round(1)
    return X, label(rng, 2 * np.log(X["income"]) + 0.02 * X["area"], classes=False)


@source("")
def counts_of_words(rng: Rng) -> Draw:
    """Sixty columns, mostly zero."""
    X = rng.poisson(rng.gamma(0.15, 1, size=60), size=(1_500, 60))
    return frame(X), label(rng, X @ rng.normal(size=60))


@source("")
def ratings(rng: Rng) -> Draw:
    """Four answers and a city: as many equal rows as chance gives."""
    X = pd.DataFrame(rng.integers(1, 6, size=(3_000, 4))).add_prefix("v")
    city = rng.integers(30, size=3_000)
    return X.assign(city=np.char.add("c", city.astype(str))), label(rng, X["v0"] + rng.normal(size=30)[city])


@source("")
def one_number_among_codes(rng: Rng) -> Draw:
    """Eight of two values, and an age."""
    X = pd.DataFrame(rng.integers(0, 2, (3_000, 8))).add_prefix("v")
    X["age"] = rng.normal(40, 12, 3_000).round(2)
    return X, label(rng, X["age"] / 10 + X["v0"])


@source("")
def zeros_and_amounts(rng: Rng) -> Draw:
    """Amounts where there are any."""
    X = np.where(rng.random((2_000, 12)) < 0.8, 0, rng.lognormal(0, 1, (2_000, 12)))
    return frame(X), label(rng, X.sum(axis=1))


@source("")
def two_numbers(rng: Rng) -> Draw:
    """Many rows in a plane."""
    X = rng.normal(size=(5_000, 2))
    return X, label(rng, X[:, 0])


@source("")
def one_factor(rng: Rng) -> Draw:
    """Four columns that say nearly the same."""
    f = rng.normal(size=600)
    return frame(np.stack([f, 2 * f + 1e-3 * rng.normal(size=600), f**3, np.exp(f)], axis=1)), label(rng, f)


@source("")
def clusters(rng: Rng) -> Draw:
    """Fifteen tight ones, without names."""
    X = rng.normal(size=(15, 5))[rng.integers(15, size=2_000)] + 0.03 * rng.normal(size=(2_000, 5))
    return X, label(rng, X[:, 0])


@source("")
def features_that_drift(rng: Rng) -> Draw:
    """With a date, which the label does not ask."""
    X, t = frame(rng.normal(size=(1_500, 6))), np.sort(rng.uniform(size=1_500))
    return dated(X.assign(v5=X["v5"] + t), t, 900), label(rng, X["v0"] + X["v1"])


@source("")
def nearly_sorted(rng: Rng) -> Draw:
    """By a number that was written down with an error."""
    X = frame(rng.normal(size=(1_500, 5)))
    X["v4"] = (np.sort(rng.normal(size=1_500)) + 0.02 * rng.normal(size=1_500)).round(2)
    return X, label(rng, X["v0"] + X["v4"])


@source("")
def sorted_by_two_columns(rng: Rng) -> Draw:
    """One within the other."""
    X = pd.DataFrame({"a": rng.integers(0, 8, 2_000), "b": rng.integers(0, 10, 2_000)}).sort_values(["a", "b"])
    X = X.reset_index(drop=True).assign(c=rng.normal(size=2_000))
    return X, label(rng, X.sum(axis=1))


@source("")
def codes_of_rows(rng: Rng) -> Draw:
    """Different ones, which begin alike by chance or in turn."""
    X = frame(rng.normal(size=(1_000, 5)))
    X["code"] = [f"{rng.integers(10, 99)}-{rng.integers(1_000, 9_999)}-{row}" for row in range(1_000)]
    X["serial"] = [f"A{row // 100}-{row:05d}" for row in rng.permutation(1_000)]
    return X, label(rng, X["v0"])


@source("")
def prices_as_text(rng: Rng) -> Draw:
    """Numbers with a unit."""
    X, price = frame(rng.normal(size=(1_000, 4))), rng.lognormal(3, 1, 1_000)
    X["price"], X["size"] = [f"${p:.2f}" for p in price], [f"{s:.1f} cm" for s in rng.normal(100, 30, 1_000)]
    return X, label(rng, X["v0"] + np.log(price))


@source("")
def places_without_a_field(rng: Rng) -> Draw:
    """A map that the label does not ask."""
    X = frame(rng.normal(size=(800, 2))).assign(lon=rng.uniform(0, 10, 800), lat=rng.uniform(40, 50, 800))
    return X, label(rng, X["v0"] + X["v1"], classes=bool(rng.integers(2)))
