"""Draw the growth plot: `draw.py performance.json performance.svg`. Runs where matplotlib is installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure


def main(figures: Path, picture: Path) -> None:
    """One panel a kind of growth, one curve a contender; both axes logarithmic where the values ask for it."""
    kept = json.loads(figures.read_text())
    points = [point for one in kept.values() for point in one["points"]]
    panels = list(dict.fromkeys(point["panel"] for point in points))
    if not panels:
        return
    # The same figures make the same file: no date, no random ids, letters as letters.
    mpl.rcParams["svg.hashsalt"] = "lapor-sync"
    mpl.rcParams["svg.fonttype"] = "none"
    figure = Figure(figsize=(4.6 * len(panels), 3.8), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, panel in zip(axes, panels, strict=True):
        mine = [point for point in points if point["panel"] == panel]
        for curve in dict.fromkeys(point["curve"] for point in mine):
            known = sorted((p["reports"], p["value"]) for p in mine if p["curve"] == curve)
            axis.plot(*zip(*known, strict=True), marker="o", label=curve)
        axis.set(title=panel, xlabel="reports", xscale="log")
        if max(p["value"] for p in mine) > 20 * min(p["value"] for p in mine):
            axis.set_yscale("log")
        else:
            axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        axis.legend(fontsize="small")
    figure.savefig(picture, metadata={"Date": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
