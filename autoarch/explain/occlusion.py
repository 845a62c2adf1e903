"""How much the answer changes when a part of the row is taken away [1]_ [2]_.

References
----------
.. [1] M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014.
.. [2] M. Robnik-Sikonja, I. Kononenko, "Explaining classifications for individual instances", IEEE Transactions on
   Knowledge and Data Engineering 20, 589-600, 2008, draw what stands in from other rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from autoarch._core.progress import Progress
from autoarch.explain.background import Donors
from autoarch.explain.model import Scale, Subject
from autoarch.explain.rereading import answers_after
from autoarch.explain.rows import Pool, Swap
from autoarch.explain.units import Unit

MOST_VALUES = 2**23  # in one call of predict: 32 MB of float32, where larger batches gain nothing more


def occlude(
    subject: Subject,
    units: Sequence[Unit],
    donors: Donors,
    target: np.ndarray,
    said: np.ndarray,
    scale: Scale,
    n_repeats: int,
    rng: np.random.Generator,
    progress: Progress,
) -> np.ndarray:
    """Answer for the row as it is, less the answer without a unit.

    Parameters
    ----------
    subject : Subject
        Model and rows.
    units : sequence of Unit
        What is taken away.
    donors : Donors
        What stands in.
    target : ndarray of int of shape (n,)
        Column of the answers that is explained.
    said : ndarray of shape (n, k)
        Answers for the rows as they are.
    scale : Scale
        From answers to what is explained.
    n_repeats : int
        Times that donors are drawn.
    rng : Generator
        Draws them.
    progress : Progress
        Hears how far it is.

    Returns
    -------
    ndarray of shape (n_repeats, n, units)
    """
    n, base = len(subject.pool), scale.of(said, target)
    drawn = [[donors.rows(n, rng) for _ in units] for _ in range(n_repeats)]
    changes = np.zeros((n_repeats, n, len(units)))
    behind = [subject.columns.behind(unit.columns) for unit in units]
    jobs = [(repeat, unit) for repeat in range(n_repeats) for unit in range(len(units)) if len(behind[unit])]
    done, total = 0, n * len(jobs)
    for part, batch in batches(subject.pool, jobs):
        swaps = [Swap(behind[unit], donors.pool, drawn[repeat][unit][part]) for repeat, unit in batch]
        answers = answers_after(subject, subject.pool.take(part), swaps)
        without = scale.of(answers, np.tile(target[part], len(batch))).reshape(len(batch), -1)
        for (repeat, unit), left in zip(batch, without, strict=True):
            changes[repeat, part, unit] = base[part] - left
        done += len(answers)
        progress.say(f"explaining, {done / total:.0%}")
    return changes


def batches(pool: Pool, jobs: Sequence[tuple[int, int]]) -> Iterator[tuple[slice, list[tuple[int, int]]]]:
    """Rows and jobs that together stay within memory."""
    most_rows = max(1, MOST_VALUES // pool.n_columns)
    for start in range(0, len(pool), most_rows):
        part = slice(start, min(start + most_rows, len(pool)))
        size = max(1, most_rows // (part.stop - part.start))
        for first in range(0, len(jobs), size):
            yield part, list(jobs[first : first + size])
