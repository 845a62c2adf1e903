"""Turn text into a few numbers: its words where they are few, else an SVD of weighted counts; or its serial number."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from autoarch._data.number_text import NEARLY_ALL

_MOST_TERMS = 5_000  # words and pairs of words, or pieces of words, that are counted
_MOST_ROWS = 20_000  # that are learned from
_FEW_WORDS = 60  # that come again, each of which has a column
_OFTEN = 0.01  # share of the cells that such a word is in
_OF_WORDS, _OF_PIECES = 30, 10  # dimensions
_SERIAL = re.compile(r"([^\d\s]*)(\d{1,15})\S*")


@dataclass(frozen=True, eq=False)
class Text:
    """A column of text: its length, its words or what they are about, and what its pieces of words are about.

    Parameters
    ----------
    name : str
        Name of the column.
    parts : tuple of pairs
        A fitted vectorizer, and a fitted TruncatedSVD or None where its counts stand as they are.
    """

    name: str
    parts: tuple[tuple[Any, Any], ...]

    @classmethod
    def learn(cls, column: pd.Series, name: str) -> Text | None:
        """Learn the words of a column; None where they tell nothing apart."""
        texts = _texts(column.dropna())
        if len(texts) > _MOST_ROWS:
            texts = [texts[place] for place in np.linspace(0, len(texts) - 1, _MOST_ROWS).astype(int)]
        common: dict[str, Any] = {"strip_accents": "unicode", "dtype": np.float64}
        words = {"token_pattern": r"(?u)\b\w+\b", **common}
        weighted = {"max_features": _MOST_TERMS, "sublinear_tf": True, "min_df": 2}
        often = CountVectorizer(**words, min_df=max(2, int(_OFTEN * len(texts))), max_df=0.99)
        pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), **common, **weighted)
        parts: list[tuple[Any, Any] | None] = []
        if _fitted(often, texts) is not None and len(often.vocabulary_) <= _FEW_WORDS:
            parts.append((often, None))  # which their pieces would only repeat
        else:
            pairs = TfidfVectorizer(ngram_range=(1, 2), **words, **weighted)
            parts.append(_reduced(pairs, texts, _OF_WORDS))
            parts.append(_reduced(pieces, texts, _OF_PIECES))
        known = tuple(part for part in parts if part is not None)
        return cls(name, known) if known else None

    def names_out(self) -> list[str]:
        """Names of the columns that ``encode`` makes."""
        names = [f"{self.name}.length"]
        for place, (vectorizer, svd) in enumerate(self.parts):
            if svd is None:
                names += [f"{self.name}.{word}" for word in vectorizer.get_feature_names_out()]
            else:
                names += [f"{self.name}.text{place}_{dimension}" for dimension in range(len(svd.components_))]
        return names

    def encode(self, column: pd.Series) -> np.ndarray:
        """Column as numbers, NaN where it is missing."""
        out = np.full((len(column), len(self.names_out())), np.nan)
        there = column.notna().to_numpy()
        if there.any():
            texts = _texts(column[there])
            blocks = [np.array([[float(len(text))] for text in texts])]
            for vectorizer, svd in self.parts:
                counts = vectorizer.transform(texts)
                blocks.append(counts.toarray() if svd is None else svd.transform(counts))
            out[there] = np.concatenate(blocks, axis=1)
        return out


@dataclass(frozen=True)
class Serial:
    """A column of identities such as "A-0017": their number, and codes of what stands before it where that varies."""

    name: str
    prefixes: tuple[str, ...] = ()

    @classmethod
    def learn(cls, texts: Sequence[str], name: str) -> Serial | None:
        """Read nearly all of the texts as a single word with a number in it; None where they are not."""
        found = [_SERIAL.fullmatch(text) for text in texts]
        if sum(match is not None for match in found) < NEARLY_ALL * len(texts):
            return None
        prefixes = Counter(match[1] for match in found if match is not None)
        repeated = sorted(prefix for prefix, n in prefixes.items() if n > 1)
        return cls(name, tuple(repeated) if 1 < len(repeated) <= len(texts) // 4 else ())

    def names_out(self) -> list[str]:
        """Names of the columns that ``encode`` makes."""
        return [f"{self.name}.number", *([f"{self.name}.prefix"] if self.prefixes else [])]

    def encode(self, column: pd.Series) -> np.ndarray:
        """Column as numbers and codes; NaN where it holds anything else."""
        codes, texts = pd.factorize(column.astype(object))
        place = {prefix: float(code) for code, prefix in enumerate(self.prefixes)}
        found = [_SERIAL.fullmatch(str(text)) for text in texts]
        rows = [(np.nan, np.nan) if m is None else (float(m[2]), place.get(m[1], np.nan)) for m in found]
        return np.array([*rows, (np.nan, np.nan)])[codes][:, : len(self.names_out())]


def _texts(column: pd.Series) -> Sequence[str]:
    return [str(cell) for cell in column]


def _fitted(vectorizer: Any, texts: Sequence[str]) -> Any:
    """Counts of the texts; None where not a single term comes again."""
    try:
        return vectorizer.fit_transform(texts)
    except ValueError:
        return None


def _reduced(vectorizer: Any, texts: Sequence[str], most: int) -> tuple[Any, Any] | None:
    counts = _fitted(vectorizer, texts)
    size = 0 if counts is None else min(most, counts.shape[1] - 1, len(set(texts)) // 4)
    if size < 1:
        return None
    svd = TruncatedSVD(size, random_state=0).set_output(transform="default")
    return vectorizer, svd.fit(counts)
