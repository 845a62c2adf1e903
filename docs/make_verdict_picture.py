"""Draw the README's picture of a verdict from two real probe reports.

python docs/make_verdict_picture.py        # writes docs/_static/verdict.png; needs autoarch[plot]
"""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt

from autoarch import LocalityReport, probe_locality
from autoarch.datasets import load_digits_grid, load_digits_scrambled

OUT = Path(__file__).parent / "_static" / "verdict.png"
GIVEN, NULL = "#1f6f8b", "#c9ced3"
NAMES = {
    "cnn": "random\nconvolutions",
    "cnn_shuffled": "same, cells\nshuffled",
    "mlp": "MLP",
    "tree": "trees",
    "linear": "linear",
}


def draw_row(axes: tuple[plt.Axes, plt.Axes, plt.Axes], title: str, sample: object, report: LocalityReport) -> None:
    """One data set: a sample, the test of each axis, the landmarks of the families."""
    picture, test, marks = axes
    picture.imshow(sample, cmap="Greys")
    picture.set(xticks=[], yticks=[], title=title)
    p_value = "" if report.p_value is None else f"p = {report.p_value:.2g}"
    picture.set_xlabel(f"verdict: {report.verdict}\n{p_value}", fontweight="bold")

    for place, evidence in enumerate(report.axes.values()):
        test.barh(place + 0.19, evidence.sizes[0], height=0.36, color=GIVEN)
        test.barh(place - 0.19, evidence.expected, height=0.36, color=NULL)
        note = "" if evidence.p_value is None else f" p = {evidence.p_value:.2g}"
        test.text(evidence.sizes[0], place + 0.19, note, va="center", fontsize=8)
        test.text(0.005, place - 0.19, "in any other order", va="center", fontsize=8)
    test.set(yticks=range(len(report.axes)), yticklabels=[f"along {axis}" for axis in report.axes], xlim=(0, 0.65))
    test.set_title("correlation of neighbours")

    names = [name for name in NAMES if name in report.landmarks]
    scores = [report.landmarks[name].score for name in names]
    errors = [report.landmarks[name].std_error for name in names]
    colours = [NULL if name == "cnn_shuffled" else GIVEN for name in names]
    marks.bar([NAMES[name] for name in names], scores, yerr=errors, color=colours, capsize=3)
    marks.set_ylim(min(scores) - 0.05, 1.0)
    marks.set_title(f"landmarks, cross-validated {report.landmark_metric}")
    marks.tick_params(axis="x", labelsize=8)


def main() -> None:
    """Probe digits in place and scrambled, and draw both."""
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(2, 3, figsize=(9.5, 4.8), width_ratios=(1, 1.8, 2.2), layout="constrained")
    (X, y), (scrambled, _) = load_digits_grid(), load_digits_scrambled()
    draw_row(axes[0], "digits, 8 x 8", X[0].reshape(8, 8), probe_locality(X, y, random_state=0))
    control = probe_locality(scrambled, y, layout=(8, 8), random_state=0)
    draw_row(axes[1], "cells scrambled", scrambled[0].reshape(8, 8), control)
    figure.savefig(OUT, dpi=110)
    print(f"{OUT.name}: {OUT.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
