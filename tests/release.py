"""Check what a release contains: build sdist and wheel, and install them in a clean environment.

The smoke test runs with the required packages alone, and then with each extra alone. ``make release-check`` runs
this. Options of ``pip``, such as the constraints, come from the environment (``PIP_CONSTRAINT``).
"""

import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
# extras of contributors, which the other targets of make install
DEVELOPMENT = {"docs", "lint", "test"}


def main() -> None:
    """Build, install and run; stop at the first failure."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    only = set(sys.argv[1:])
    extras = [e for e in project["optional-dependencies"] if e not in DEVELOPMENT and (not only or e in only)]
    with tempfile.TemporaryDirectory() as folder:
        wheel, sdist = build(Path(folder) / "dist")
        print(
            f"{wheel.name}: {wheel.stat().st_size / 1e3:.0f} kB; {sdist.name}: {sdist.stat().st_size / 1e3:.0f} kB"
        )
        python = environment(Path(folder) / "venv")
        pip(python, "install", str(wheel))
        smoke(python, folder)
        required = frozen(python)
        for extra in extras:
            pip(python, "install", f"{wheel}[{extra}]")
            smoke(python, folder, extra)
            added = frozen(python) - required
            if added:
                pip(python, "uninstall", "--yes", *(name.partition("==")[0] for name in sorted(added)))
            changed = required - frozen(python)
            assert not changed, f"the extra {extra} changed {changed}"
    print(f"1 environment without extras and {len(extras)} extras: passed")


def build(folder: Path) -> tuple[Path, Path]:
    """Build the sdist, and the wheel from the sdist."""
    run(sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT))
    run(sys.executable, "-m", "twine", "check", "--strict", *map(str, folder.iterdir()))
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


def environment(folder: Path) -> str:
    """Make a virtual environment; return its Python."""
    venv.create(folder, with_pip=True)
    return str(folder / "bin" / "python")


def pip(python: str, command: str, *arguments: str) -> None:
    run(python, "-m", "pip", command, "--quiet", "--disable-pip-version-check", *arguments)


def frozen(python: str) -> set[str]:
    """List the installed packages with their versions."""
    listed = subprocess.run([python, "-m", "pip", "freeze"], check=True, capture_output=True, text=True)
    return {line for line in listed.stdout.splitlines() if "==" in line}


def smoke(python: str, folder: str, *extra: str) -> None:
    """Run the smoke test outside of the repository, so that the installed package is imported."""
    run(python, "-W", "error", str(ROOT / "tests" / "smoke.py"), *extra, cwd=folder)


def run(*command: str, cwd: str | Path = ROOT) -> None:
    subprocess.run(command, check=True, cwd=cwd)


if __name__ == "__main__":
    main()
