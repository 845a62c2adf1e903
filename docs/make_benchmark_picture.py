"""Draw the picture of the benchmarks from the tables of the page that shows it.

python docs/make_benchmark_picture.py        # writes docs/_static/benchmarks.png; needs autoarch[plot]
"""

import re
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt

PAGE = Path(__file__).with_name("benchmarks.md")
OUT = PAGE.parent / "_static" / "benchmarks.png"
OURS, OTHERS = "#1f6f8b", "#c9ced3"
RIVALS = {"autogluon_best": "#1f6f8b", "lightautoml": "#7fb2c2", "lightgbm": "#c9ced3", "cnn": "#c8553d"}


def numbers(row: str, header: str, text: str) -> dict[str, float]:
    """One row of the table under a header, by column; cells without a number are left out."""
    table = text[text.index(f"\n| {header} |") + 1 :].split("\n\n", 1)[0].splitlines()
    names, cells = ([cell.strip() for cell in line.split("|")[2:-1]] for line in (table[0], _line(table, row)))
    found = {name: re.search(r"\d+\.\d+", cell) for name, cell in zip(names, cells, strict=True)}
    return {name: float(match[0]) for name, match in found.items() if match}


def _line(table: list[str], row: str) -> str:
    return next(line for line in table if line.startswith(f"| {row} "))


def main() -> None:
    """Mean ranks as bars; ratios of errors by kind on a logarithmic axis, where 1 means equal."""
    text = PAGE.read_text(encoding="utf-8")
    ranks = numbers("mean rank (16)", "| autoarch | autogluon_best", text)
    header = "error of autoarch over that of"
    kinds = {
        "images": numbers("images (a)", header, text),
        "local\nmatrices": numbers("local matrices (b)", header, text),
        "wide, no\nlocality": numbers("wide, no locality (c)", header, text),
        "tables,\npoints": numbers("tables and points (d, e)", header, text),
    }

    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.4), width_ratios=(1, 1.5), layout="constrained")
    for place, (system, rank) in enumerate(reversed(ranks.items())):
        left.barh(place, rank, color=OURS if system == "autoarch" else OTHERS)
        left.text(rank + 0.06, place, f"{rank:.2f}", va="center", fontsize=8)
    left.set(yticks=range(len(ranks)), yticklabels=list(reversed(ranks)), title="mean rank, 16 sets", xlim=(0, 6))

    width = 0.8 / len(RIVALS)
    for shift, (rival, colour) in enumerate(RIVALS.items()):
        at = [place for place, ratios in enumerate(kinds.values()) if rival in ratios]
        heights = [ratios[rival] for ratios in kinds.values() if rival in ratios]
        places = [place + (shift - (len(RIVALS) - 1) / 2) * width for place in at]
        right.bar(places, heights, width, color=colour, label=f"over {rival}")
        for place, height in zip(places, heights, strict=True):
            right.text(place, height + 0.02, f"{height:.2f}", ha="center", fontsize=7)
    right.axhline(1, color="black", linewidth=0.8)
    right.set(
        xticks=range(len(kinds)), xticklabels=list(kinds), title="error of autoarch over that of others", ylim=(0, 1.25)
    )
    right.legend(ncols=4, fontsize=7, loc="upper left", frameon=False, columnspacing=1, handlelength=1)
    figure.savefig(OUT, dpi=110)
    print(f"{OUT.name}: {OUT.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
