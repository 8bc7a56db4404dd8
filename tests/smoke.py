"""Smoke test of an installed package with any set of extras: fit, predict, score, search, save and load.

Run it as a script, outside of the repository, by the Python that has the package. ``make release-check`` does. It
needs no package that the package under test does not require.
"""

import importlib
import importlib.metadata
import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn.model_selection import GridSearchCV

import sklearn_mtl
from sklearn_mtl import MultiTaskNetEstimator, Targets, load_model, save_model

MODULE_OF = {  # the module that an extra is for
    "balancing": "torchjd",
    "dask": "distributed",
    "explain": "captum",
    "frames": "pandas",
    "onnx": "onnxscript",
    "optuna": "optuna",
    "pipelines": "skops",
    "plots": "matplotlib",
    "progress": "rich",
    "ray": "ray",
    "serve": "fastapi",
    "streaming": "pyarrow",
    "tracking": "mlflow",
}


def main(extra: str | None) -> None:
    """Fit, predict, score, search, save and load; say what was tried."""
    assert sklearn_mtl.__version__ == importlib.metadata.version("sklearn-mtl")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 5))
    number = X[:, 0] + 0.1 * rng.normal(size=120)
    number[::3] = np.nan
    y = Targets(kind=np.where(X[:, 1] > 0, "a", "b"), number=number)
    net = MultiTaskNetEstimator(random_state=0).fit(X, y)
    assert net.score(X, y) > 0.7, net.score_tasks(X, y)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.mtl"
        save_model(net, path)
        loaded = load_model(path)
    for task, labels in net.predict(X).items():
        np.testing.assert_array_equal(loaded.predict(X)[task], labels)
    single = MultiTaskNetEstimator(n_members=1, max_epochs=5, random_state=0)
    search = GridSearchCV(single, {"task_weights__number": [0.5, 2.0]}, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 2
    if extra is not None:
        module = MODULE_OF.get(extra)
        if module is not None:
            importlib.import_module(module)
        use = USES.get(extra)
        if use is not None:
            use(net, X, y)
    print(f"sklearn-mtl {sklearn_mtl.__version__}, extra {extra}: fit, predict, score, save, load, search")


def _frames(net, X, y):
    assert len(net.history_) > 0
    assert type(net.history_).__module__.startswith("pandas")


def _plots(net, X, y):
    import matplotlib

    matplotlib.use("agg")
    from sklearn_mtl.inspection import LearningHistoryDisplay

    single = MultiTaskNetEstimator(n_members=1, max_epochs=5, random_state=0).fit(X, y)
    assert LearningHistoryDisplay.from_estimator(single).axes_.size


def _onnx(net, X, y):
    from sklearn_mtl.export import to_onnx

    single = MultiTaskNetEstimator(n_members=1, max_epochs=5, random_state=0).fit(X, y)
    assert to_onnx(single).graph.output


def _pipelines(net, X, y):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    single = MultiTaskNetEstimator(n_members=1, max_epochs=5, random_state=0)
    model = make_pipeline(StandardScaler(), single).fit(X, y)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.mtl"
        save_model(model, path)
        assert load_model(path).predict(X).keys() == y.keys()


def _balancing(net, X, y):
    MultiTaskNetEstimator(n_members=1, max_epochs=2, weighting="upgrad", random_state=0).fit(X, y)


def _explain(net, X, y):
    from sklearn_mtl.inspection import integrated_gradients, task_importances

    assert task_importances(net, X, y, n_repeats=2).importances_mean.shape == (5, 2)
    single = MultiTaskNetEstimator(n_members=1, max_epochs=5, random_state=0).fit(X, y)
    integrated_gradients(single, X[:3], "number")


def _optuna(net, X, y):
    from optuna.distributions import FloatDistribution

    from sklearn_mtl.model_selection import MultiTaskOptunaSearchCV

    single = MultiTaskNetEstimator(n_members=1, max_epochs=2, random_state=0)
    space = {"learning_rate": FloatDistribution(1e-3, 1e-1, log=True)}
    assert MultiTaskOptunaSearchCV(single, space, n_trials=2, n_stacked=2, cv=2).fit(X, y).best_params_


def _serve(net, X, y):
    from sklearn_mtl.serving import make_app

    assert {"/predict", "/health"} <= {route.path for route in make_app(net).routes}


def _streaming(net, X, y):
    import pyarrow
    import pyarrow.parquet

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        columns = {f"x{i}": X[:, i] for i in range(5)}
        pyarrow.parquet.write_table(pyarrow.table({**columns, "number": X[:, 0]}), path)
        MultiTaskNetEstimator(n_members=1, max_epochs=2, random_state=0).fit(path, ["number"])


def _tracking(net, X, y):
    from sklearn_mtl.inspection import model_card

    assert "Scores" in model_card(net, X, y).render()


USES = {
    "balancing": _balancing,
    "explain": _explain,
    "frames": _frames,
    "onnx": _onnx,
    "optuna": _optuna,
    "pipelines": _pipelines,
    "plots": _plots,
    "serve": _serve,
    "streaming": _streaming,
    "tracking": _tracking,
}


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
