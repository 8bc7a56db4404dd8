"""Draw the picture of the README, ``docs/_static/gain.svg``, from the results of the demo."""

import runpy
from pathlib import Path

import matplotlib as mpl

FOLDER = Path(__file__).parent
TARGET = FOLDER / "_static" / "gain.svg"


def main():
    mpl.use("agg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "sklearn_mtl"})
    demo = runpy.run_path(str(FOLDER / "examples" / "plot_demo.py"), run_name="__main__")
    figure, axes = demo["plt"].subplots(figsize=(6.4, 3.8), layout="constrained")
    demo["draw_gain"](axes)
    figure.savefig(TARGET, metadata={"Date": None})
    print(TARGET)


if __name__ == "__main__":
    main()
