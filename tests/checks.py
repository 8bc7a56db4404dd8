"""scikit-learn's own checks, for one option at a time: ``python -m tests.checks``, or ``make checks``.

Every option that the packages export and the estimators list is checked, so new options are included. It prints a
table, and fails if a check fails or an expected failure passes.
"""

import argparse
import collections
import inspect
import sys
import time
import traceback
import warnings

import joblib
from sklearn.utils.estimator_checks import check_estimator

from sklearn_mtl import (
    DeepEnsemble,
    EarlyStopping,
    MultiTaskNetClassifier,
    MultiTaskNetEstimator,
    MultiTaskNetRegressor,
    architectures,
    penalties,
    sampling,
    weighting,
)
from sklearn_mtl.architectures import Architecture, Grouped, TaskGraph
from sklearn_mtl.penalties import Penalty
from sklearn_mtl.sampling import TaskSampling
from sklearn_mtl.utils._params import StrOptions
from sklearn_mtl.weighting import Weighting

ESTIMATORS = (MultiTaskNetEstimator, MultiTaskNetClassifier, MultiTaskNetRegressor)

BATCHES = (
    "mini-batches see weights and repeated rows differently; in full batches they are the same, which is tested"
)
#: all exceptions, of every estimator and option
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": BATCHES,
    "check_sample_weight_equivalence_on_sparse_data": BATCHES,
}

#: those of self-training
EXPECTED_FAILURES_OF_SELF_TRAINING = {
    **EXPECTED_FAILURES,
    "check_non_transformer_estimators_n_iter": (
        "without a missing label there is no round, as in scikit-learn's SelfTrainingClassifier"
    ),
}

#: parameters for all options except the defaults, to reach the scores that the checks require
MAX_EPOCHS = 40


def specs(package, base):
    """Make an instance of each class of a subpackage, but of `Grouped`, which names the tasks of a data set."""
    exported = [getattr(package, name) for name in package.__all__]
    classes = [cls for cls in exported if inspect.isclass(cls) and issubclass(cls, base) and cls is not base]
    made = [cls for cls in classes if not inspect.isabstract(cls) and cls is not Grouped]
    return {cls.__name__: cls({}) if cls is TaskGraph else cls() for cls in made}


#: additional parameters of an option: SGD learns little at the learning rate of AdamW
ALONG = {"optimizer='sgd'": {"learning_rate": 0.1}}
#: options that contradict the checks, which fit twice and expect the same model, and have one target, whose label
#: no other task could read
NOT_CHECKED = ("warm_start", "label_inputs")


def choices():
    """Return the values, other than the defaults, of string options and booleans."""
    options, defaults = {}, MultiTaskNetEstimator().get_params(deep=False)
    for name, constraints in MultiTaskNetEstimator._parameter_constraints.items():
        if name in NOT_CHECKED:
            continue
        texts = [sorted(choice.options) for choice in constraints if isinstance(choice, StrOptions)]
        values = [*(texts[0] if texts else []), *([False, True] if "boolean" in constraints else [])]
        changes = [value for value in values if value != defaults[name]]
        options |= {f"{name}={value!r}": {name: value} for value in changes}
    return options


def options():
    """Return the parameters of each option by its name."""
    listed = {
        "defaults": {},
        **choices(),
        "trunk='mlp'": {"trunk": "mlp"},
        "early_stopping: score": {"early_stopping": EarlyStopping(monitor="score")},
        "n_members=4": {"n_members": 4},
        "n_members=4, bootstrap": {"n_members": 4, "ensemble": DeepEnsemble(bootstrap=True)},
        "n_members=4, ensemble='batch'": {"n_members": 4, "ensemble": "batch"},
        **{f"architecture: {name}": {"architecture": s} for name, s in specs(architectures, Architecture).items()},
        **{f"weighting: {name}": {"weighting": spec} for name, spec in specs(weighting, Weighting).items()},
        **{f"task_sampling: {name}": {"task_sampling": s} for name, s in specs(sampling, TaskSampling).items()},
        **{f"penalty: {name}": {"penalties": [spec]} for name, spec in specs(penalties, Penalty).items()},
    }
    # a portfolio trains the recipes one after the other by the code of a single network: "defaults" checks it
    single = {"max_epochs": MAX_EPOCHS, "n_members": 1}
    others = {name: {**single, **params, **ALONG.get(name, {})} for name, params in listed.items()}
    return {**others, "defaults": {}}


def run(cls, params):
    """Run all checks of an estimator; return the counts of outcomes, the failures, and the seconds."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(
            cls(**params), expected_failed_checks=EXPECTED_FAILURES, on_fail=None, on_skip=None
        )
    counts = collections.Counter(result["status"] for result in results)
    faults = [
        f"{result['check_name']}: {_last_line(result['exception'])}"
        for result in results
        if result["status"] == "failed"
    ]
    faults += [
        f"{result['check_name']}: passes, though it is expected to fail"
        for result in results
        if result["expected_to_fail"] and result["status"] != "xfail"
    ]
    return counts, faults, time.perf_counter() - start


def _last_line(error):
    return traceback.format_exception_only(error)[-1].strip().splitlines()[0][:200]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--option", action="append", help="those whose names have this in them; all by default")
    parser.add_argument("--jobs", type=int, default=2, help="processes, 2 by default")
    chosen = parser.parse_args()
    picked = {
        name: params
        for name, params in options().items()
        if not chosen.option or any(part in name for part in chosen.option)
    }
    if not picked:
        parser.error(f"no option has {chosen.option} in its name; there are {list(options())}")
    jobs = [(name, cls, params) for name, params in picked.items() for cls in ESTIMATORS]
    print(f"{'option':36}{'estimator':26}{'passed':>8}{'expected failures':>20}{'failed':>8}{'seconds':>9}")
    results = joblib.Parallel(n_jobs=chosen.jobs, return_as="generator")(
        joblib.delayed(run)(cls, params) for _, cls, params in jobs
    )
    n_faults = 0
    for (name, cls, _), (counts, faults, seconds) in zip(jobs, results, strict=True):
        print(
            f"{name:36}{cls.__name__:26}{counts['passed']:>8}{counts['xfail']:>20}{len(faults):>8}{seconds:>9.1f}"
        )
        print(*(f"    {fault}" for fault in faults), sep="\n", end="\n" if faults else "", flush=True)
        n_faults += len(faults)
    print(f"{len(picked)} options, {n_faults} faults, not checked: {', '.join(NOT_CHECKED)}; expected failures:")
    print(*(f"    {name}: {reason}" for name, reason in EXPECTED_FAILURES.items()), sep="\n")
    sys.exit(1 if n_faults else 0)


if __name__ == "__main__":
    main()
