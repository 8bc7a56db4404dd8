"""The study of a search by Optuna: opened or resumed, asked for rounds of trials, and told their results."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..utils._optional import import_optional
from ..utils._random import Streams
from ._journal import DiskFailure, decode_records, encode_records
from ._record import Record

#: attribute of a study: what its trials are about
PURPOSE = "sklearn_mtl:search"
#: attribute of a trial that had not ended when its search was interrupted
INTERRUPTED = "sklearn_mtl:interrupted"
#: first part of the attributes of a trial with the scores of its fits
SCORES = "sklearn_mtl:scores:"
#: attribute of a trial: the epochs of all its stacked fits
EPOCHS = "n_epochs"


def optuna() -> Any:
    """Import Optuna; the error names the extra."""
    return import_optional("optuna", "optuna", "MultiTaskOptunaSearchCV")


@contextmanager
def without_experimental_warnings() -> Iterator[None]:
    """Ignore Optuna's warnings of experimental features, which the user has not chosen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna().exceptions.ExperimentalWarning)
        yield


def check_distributions(distributions: Any, in_storage: bool) -> None:
    """Check the values of ``param_distributions``.

    Raises
    ------
    TypeError, ValueError
        If a value is not a distribution of Optuna, or has choices that a storage cannot hold.
    """
    kinds = optuna().distributions
    if not isinstance(distributions, Mapping) or not distributions:
        raise TypeError(f"param_distributions={distributions!r} should be a dict of at least one distribution.")
    for name, distribution in distributions.items():
        if not isinstance(distribution, kinds.BaseDistribution):
            raise TypeError(
                f"param_distributions[{name!r}]={distribution!r} should be a distribution of Optuna, such as "
                "optuna.distributions.FloatDistribution(0.1, 10.0, log=True)."
            )
        choices = getattr(distribution, "choices", ())
        plain = all(choice is None or isinstance(choice, bool | int | float | str) for choice in choices)
        if in_storage and not plain:
            raise ValueError(
                f"param_distributions[{name!r}] has choices that a storage cannot hold: {choices!r}. Pass "
                "numbers, texts, bools and None, or storage=None."
            )


def default_sampler(seed: int | None = None) -> Any:
    """Build the sampler of a search without one; trials that are still trained count as bad ones."""
    with without_experimental_warnings():
        return optuna().samplers.TPESampler(seed=seed, constant_liar=True)


def open_study(storage: Any, name: str | None, purpose: str, n_objectives: int, sampler: Any, pruner: Any) -> Any:
    """Create a study, or load it from the storage.

    Parameters
    ----------
    storage : str, optuna.storages.BaseStorage or None
    name : str or None
        None for a name from ``purpose``.
    purpose : str
        Digest of what the scores of the trials depend on.
    n_objectives : int
        Each is maximised.
    sampler, pruner : object
        Copied, because they change when they are used.

    Raises
    ------
    ValueError
        If the study has trials of another search.
    OSError
        If the storage cannot be opened.
    """
    kind = optuna()
    with without_experimental_warnings():
        try:
            study = kind.create_study(
                storage=storage,
                study_name=name if name is not None or storage is None else f"sklearn-mtl-{purpose[:16]}",
                load_if_exists=True,
                sampler=default_sampler() if sampler is None else copy.deepcopy(sampler),
                pruner=kind.pruners.NopPruner() if pruner is None else copy.deepcopy(pruner),
                directions=["maximize"] * n_objectives,
            )
            known = study.user_attrs.get(PURPOSE)
            if known is None and not any(trial.state.is_finished() for trial in study.get_trials(deepcopy=False)):
                study.set_user_attr(PURPOSE, purpose)
                known = purpose
        except ImportError:
            raise
        except Exception as error:
            if storage is None:
                raise
            raise OSError(
                f"storage cannot be opened: {type(error).__name__}: {error}. It should be a URL such as "
                "'sqlite:///study.db', of a database that can be written."
            ) from error
    if known != purpose or len(study.directions) != n_objectives:
        raise ValueError(
            f"study_name={study.study_name!r} is in the storage with trials of another search: estimator, "
            "distributions, rows, folds, scoring, objectives or the release differ. Pass another study_name, or "
            "None."
        )
    return study


class Trials:
    """Trials of a study, asked in rounds.

    Parameters
    ----------
    study : optuna.Study
    distributions : dict
    n_trials : int
        How many trials the study has in the end, with those that its storage already held.
    size : int
        Trials of a round.
    seed : int or None
        Of a new sampler for each round; None leaves the sampler as it is. So a search that is resumed asks the
        same trials as one that was not interrupted.
    """

    def __init__(self, study: Any, distributions: Any, n_trials: int, size: int, seed: int | None) -> None:
        self.study, self.distributions = study, dict(distributions)
        self.n_trials, self.size, self.seed = n_trials, size, seed
        for trial in study.get_trials(deepcopy=False, states=[optuna().trial.TrialState.RUNNING]):
            kind = optuna().trial
            kind.Trial(study, trial._trial_id).set_user_attr(INTERRUPTED, True)
            study.tell(trial.number, state=kind.TrialState.FAIL)

    def finished(self) -> list[Any]:
        """Return the trials that have ended, in the order of their numbers."""
        trials = self.study.get_trials(deepcopy=False)
        return [trial for trial in trials if trial.state.is_finished() and INTERRUPTED not in trial.user_attrs]

    def complete(self) -> list[Any]:
        """Return the trials that have a value."""
        state = optuna().trial.TrialState.COMPLETE
        return [trial for trial in self.finished() if trial.state == state]

    def ask(self) -> list[Any]:
        """Return the trials of the next round; none if there are enough."""
        n_finished = len(self.finished())
        if self.seed is not None:
            seed = Streams(self.seed).derive("round", n_finished) % 2**32
            self.study.sampler = default_sampler(seed)
        n_asked = max(0, min(self.size, self.n_trials - n_finished))
        return [self.study.ask(self.distributions) for _ in range(n_asked)]

    def tell(self, trial: Any, values: Sequence[float] | None = None, pruned: bool = False) -> None:
        """End a trial: by its values, by failure if one is NaN or there are none, or by pruning."""
        states = optuna().trial.TrialState
        if pruned:
            self.study.tell(trial, state=states.PRUNED)
        elif values is None or np.isnan(values).any():
            self.study.tell(trial, state=states.FAIL)
        else:
            self.study.tell(trial, [float(value) for value in values])


class TrialRecords:
    """Scores of finished fits in the trials of a study, read and written like a `Journal`.

    Parameters
    ----------
    study : optuna.Study
        With a storage from which a search is resumed.
    """

    def __init__(self, study: Any) -> None:
        self.known = {
            name.removeprefix(SCORES): value
            for trial in study.get_trials(deepcopy=False)
            for name, value in trial.user_attrs.items()
            if name.startswith(SCORES)
        }
        #: trials by the digest of their estimator
        self.trials: dict[str, Any] = {}

    def read(self, key: str) -> dict[str, Record]:
        """Return the records of a fit; empty if it is not finished."""
        content = self.known.get(key)
        return {} if content is None else decode_records(content.encode())

    def write(self, key: str, records: Mapping[str, Record]) -> None:
        """Write the records of a fit.

        Raises
        ------
        DiskFailure
            If the storage cannot be written.
        """
        trial = self.trials.get(key.partition("-")[0])
        if trial is None:  # the refit
            return
        try:
            trial.set_user_attr(SCORES + key, encode_records(records).decode())
        except Exception as error:
            failure = OSError(f"storage cannot be written: {type(error).__name__}: {error}")
            raise DiskFailure(failure) from error
