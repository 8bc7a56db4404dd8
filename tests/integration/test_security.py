"""The package runs no code from files: it loads no pickle, runs no text, and imports no name from a file.

CI runs this with all other tests.
"""

import ast
from pathlib import Path

import pytest

import sklearn_mtl

PACKAGE = Path(sklearn_mtl.__file__).parent
#: functions that run code or load files that may run code, by all their names
FORBIDDEN = {
    "eval", "exec", "compile", "__import__", "breakpoint",
    "joblib.load", "torch.load", "torch.jit.load", "pandas.read_pickle", "yaml.load",
    "pydoc.locate", "pkgutil.resolve_name", "os.system", "os.popen",
}  # fmt: skip
#: modules that must not be used
MODULES = (
    "pickle", "_pickle", "cloudpickle", "dill", "marshal", "shelve", "runpy", "importlib", "subprocess",
    "ctypes", "torch.hub", "torch.package", "torch.serialization",
)  # fmt: skip
#: prefixes of functions that must not be used
PREFIXES = ("os.exec", "os.spawn", "os.posix_spawn")
#: arguments with which loaders may run code
ARGUMENTS = {"weights_only": False, "allow_pickle": True}
#: one file imports optional modules by names that are literals; the other copies objects for a test
ALLOWED = {
    ("utils/_optional.py", "importlib.import_module"),
    *(("testing/_conformance.py", name) for name in ("pickle", "pickle.dumps", "pickle.loads")),
}


def findings(source):
    """Return the forbidden calls in some code, with their lines."""
    tree = ast.parse(source)
    names = _imported(tree)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            name = _full_name(node, names)
            if name is not None and _is_forbidden(name.removeprefix("builtins.")):
                found.append((node.lineno, name))
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg in ARGUMENTS and not _is_constant(keyword.value, not ARGUMENTS[keyword.arg]):
                    found.append((node.lineno, keyword.arg))
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            found.append((node.lineno, "import *"))
    return found


def _is_forbidden(name):
    within = any(name == module or name.startswith(f"{module}.") for module in MODULES)
    return name in FORBIDDEN or within or name.startswith(PREFIXES)


def _imported(tree):
    """Return the full names of imports, by their local names."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                names[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _full_name(node, names):
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    inner = _full_name(node.value, names) if isinstance(node.value, ast.Name | ast.Attribute) else None
    return None if inner is None else f"{inner}.{node.attr}"


def _is_constant(node, value):
    return isinstance(node, ast.Constant) and node.value is value


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_package_runs_nothing_that_a_file_says(path):
    name = path.relative_to(PACKAGE).as_posix()
    found = [(line, what) for line, what in findings(path.read_text()) if (name, what) not in ALLOWED]
    assert found == []


def test_what_is_allowed_is_there():
    for name, what in ALLOWED:
        assert what in [found for _, found in findings((PACKAGE / name).read_text())]


def test_names_of_optional_modules_are_written_down():
    """The one file that imports by a name gets literals."""
    arguments = [
        ast.unparse(node.args[0])
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "import_optional"
    ]
    assert arguments
    assert [argument for argument in arguments if not argument.startswith("'")] == []


FAULTY = [
    "import pickle\npickle.load(f)",
    "from pickle import loads as read\nread(b)",
    "import pickle as p\nx = p.Unpickler",
    "import torch\ntorch.load(f)",
    "import torch\ntorch.load(f, weights_only=True)",
    "load(f, weights_only=False)",
    "load(f, weights_only=flag)",
    "import numpy as np\nnp.load(f, allow_pickle=True)",
    "import joblib\njoblib.load(f)",
    "eval(text)",
    "run = exec",
    "compile(text, 'a', 'exec')",
    "__import__(name)",
    "import importlib\nimportlib.import_module(name)",
    "from importlib import import_module as get\nget(name)",
    "import os\nos.system(text)",
    "from os import *",
    "import os\nos.execvpe(text, [], {})",
    "import subprocess as s\ns.getoutput(text)",
    "from builtins import exec as run\nrun(text)",
    "import builtins\nbuiltins.eval(text)",
    "from pydoc import locate\nlocate(name)",
]
HARMLESS = [
    "network.eval()",
    "import re\nre.compile('a')",
    "import json\njson.loads(x)",
    "import numpy as np\nnp.load(f, allow_pickle=False)",
    "def load(eval=None): pass",
]


@pytest.mark.parametrize("source", FAULTY)
def test_faults_are_found(source):
    assert findings(source)


@pytest.mark.parametrize("source", HARMLESS)
def test_what_is_harmless_is_not_found(source):
    assert findings(source) == []
