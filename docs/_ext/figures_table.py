"""The table of benchmarks: script, pages that show its figures, date and versions of the results."""

import json
import subprocess
from pathlib import Path

from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
GUIDE = ROOT / "docs" / "user_guide"
VERSIONS = ("python", "torch", "scikit-learn")


class FiguresTable(SphinxDirective):
    """List the benchmarks whose results are kept."""

    def run(self):
        lines = [
            ".. list-table::",
            "   :header-rows: 1",
            "   :widths: 28 30 16 26",
            "   :class: wide",
            "",
            *row_of(["Script", "Figures on", "Date", "Versions"]),
        ]
        for script, results in by_script().items():
            for path in results:
                self.env.note_dependency(str(path))
            lines += row_of([f"``benchmarks/{script}.py``", pages(script), date(results), versions(results)])
        return self.parse_text_to_nodes("\n".join(StringList(lines, __file__)))


def row_of(cells):
    first, *others = (cell or r"\ " for cell in cells)
    return [f"   * - {first}", *(f"     - {cell}" for cell in others)]


def by_script():
    """Return the files of results of each script: a script writes what begins with its name."""
    scripts = sorted((path.stem for path in RESULTS.parent.glob("[!_]*.py")), key=len, reverse=True)
    found = {}
    for path in sorted(RESULTS.rglob("*.json")):
        # the recipes of the default are scored by the benchmark of quality
        name = path.parent.name.replace("recipes", "quality") if path.parent != RESULTS else path.stem
        script = next((script for script in scripts if name.startswith(script)), None)
        if script is None:
            raise ValueError(f"no script in benchmarks/ writes {path.relative_to(ROOT)}")
        found.setdefault(script, []).append(path)
    return dict(sorted(found.items()))


def pages(script):
    name = f"benchmarks/{script}.py"
    using = [path.stem for path in sorted(GUIDE.glob("*.rst")) if name in path.read_text(encoding="utf-8")]
    return ", ".join(f":doc:`/user_guide/{page}`" for page in using)


def date(results):
    """Return the date of the results: the one they hold, or that of the commit that added them."""
    dates = {environment.get("date") for environment in environments(results)} - {None}
    if not dates:
        command = ["git", "log", "-1", "--format=%as", "--", *map(str, results)]
        try:
            said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return ""  # a copy without its history
        dates = {said.stdout.strip()}
    return max(dates).replace("-", "\u2011")  # which does not break


def versions(results):
    """Return the versions of all results of a script."""
    found = {
        ", ".join(f"{name} {environment[name]}" for name in VERSIONS) for environment in environments(results)
    }
    return "; ".join(sorted(found))


def environments(results):
    """Return the environments of files, wherever in them they are."""
    return [found for path in results for found in within(json.loads(path.read_text(encoding="utf-8")))]


def within(content):
    if isinstance(content, dict):
        found = [content["environment"]] if "environment" in content else []
        return found + [each for value in content.values() for each in within(value)]
    return [each for value in content for each in within(value)] if isinstance(content, list) else []


def setup(app):
    app.add_directive("figures-table", FiguresTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
