"""The study of a search by Optuna: opened or resumed, asked for rounds of trials, and told their results."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..utils._optional import import_optional
from ..utils._random import Streams
from ._journal import DiskFailure, decode_records, encode_records
from ._record import Record

#: attribute of a study: what its trials are about
PURPOSE = "sklearn_mtl:search"
#: attribute of a trial: the scores of its fits
SCORES = "sklearn_mtl:scores"
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


class Store:
    """The study in a storage, to which a search adds the trials of each round when they have all ended.

    Optuna would write each epoch that is reported, which takes longer in a database than to train it. So a search
    works on a study in memory, and an interrupted one loses the trials of a round.

    Parameters
    ----------
    storage : str or optuna.storages.BaseStorage
    name : str or None
        None for a name from ``purpose``.
    purpose : str
        Digest of what the values of the trials depend on.
    directions : list of str

    Raises
    ------
    ValueError
        If the study has trials of another search, or trials that have not ended.
    OSError
        If the storage cannot be opened.
    """

    def __init__(self, storage: Any, name: str | None, purpose: str, directions: list[str]) -> None:
        name = f"sklearn-mtl-{purpose[:16]}" if name is None else name
        with _named("opened; it should be a URL such as 'sqlite:///study.db'"):
            self.study = optuna().create_study(
                storage=storage, study_name=name, load_if_exists=True, directions=directions
            )
            trials = self.study.get_trials(deepcopy=False)
            if not trials:
                self.study.set_user_attr(PURPOSE, purpose)
        if self.study.user_attrs.get(PURPOSE) != purpose or len(self.study.directions) != len(directions):
            raise ValueError(
                f"study_name={name!r} is in the storage with trials of another search: estimator, distributions, "
                "rows, folds, scoring, objectives or the release differ. Pass another study_name, or None."
            )
        if not all(trial.state.is_finished() for trial in trials):
            raise ValueError(
                f"study_name={name!r} has trials in the storage that have not ended, which a search does not "
                "continue. Pass another study_name."
            )
        self.n_trials = len(trials)

    def add(self, study: Any) -> None:
        """Add the trials of a study that are not stored yet.

        Raises
        ------
        DiskFailure
            If they cannot be written; those of earlier rounds are intact.
        """
        trials = study.get_trials(deepcopy=False)[self.n_trials :]
        try:
            with _named("written"):
                self.study.add_trials(trials)
        except OSError as error:
            raise DiskFailure(error) from error
        self.n_trials += len(trials)


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Raise errors of a storage, which may be of any kind, as an OSError."""
    try:
        yield
    except ImportError:  # of the driver
        raise
    except Exception as error:
        raise OSError(f"storage cannot be {what}. {type(error).__name__}: {error}") from error


class Trials:
    """Trials of a study, asked in rounds.

    Parameters
    ----------
    distributions : dict
    n_trials : int
        How many trials the study has in the end, with those of the store.
    size : int
        Trials of a round.
    n_objectives : int
        Each is maximised.
    sampler, pruner : object
        Copied, because they change when they are used. None is the default sampler, and no pruner.
    seed : int or None
        Of a new default sampler for each round. So a search that is resumed asks the same trials as one that was
        not interrupted.
    store : Store or None
        None keeps the study in memory only.
    """

    def __init__(
        self,
        distributions: Mapping[str, Any],
        n_trials: int,
        size: int,
        *,
        n_objectives: int,
        sampler: Any,
        pruner: Any,
        seed: int | None,
        store: Callable[[list[str]], Store] | None,
    ) -> None:
        directions = ["maximize"] * n_objectives
        self.store = None if store is None else store(directions)
        self.distributions, self.n_trials, self.size = dict(distributions), n_trials, size
        self.seed = seed if sampler is None else None
        self.study = optuna().create_study(
            # Hyperband assigns trials to its brackets by the name of the study
            study_name="search" if self.store is None else self.store.study.study_name,
            sampler=default_sampler(seed) if sampler is None else copy.deepcopy(sampler),
            pruner=optuna().pruners.NopPruner() if pruner is None else copy.deepcopy(pruner),
            directions=directions,
        )
        if self.store is not None:
            self.study.add_trials(self.store.study.get_trials(deepcopy=False))

    @property
    def visible(self) -> Any:
        """The study for the user."""
        return self.study if self.store is None else self.store.study

    @property
    def n_left(self) -> int:
        """Number of trials that are to be asked."""
        return max(0, self.n_trials - len(self.study.get_trials(deepcopy=False)))

    def complete(self) -> list[Any]:
        """Return the trials that have a value."""
        return self.study.get_trials(deepcopy=False, states=[optuna().trial.TrialState.COMPLETE])

    def ask(self) -> list[Any]:
        """Return the trials of the next round; none if there are enough."""
        if self.seed is not None:
            n_trials = len(self.study.get_trials(deepcopy=False))
            self.study.sampler = default_sampler(Streams(self.seed).derive("round", n_trials) % 2**32)
        return [self.study.ask(self.distributions) for _ in range(min(self.size, self.n_left))]

    def tell(self, trial: Any, values: Sequence[float] | None = None, pruned: bool = False) -> None:
        """End a trial: by its values, by failure if one is NaN or there are none, or by pruning."""
        states = optuna().trial.TrialState
        if pruned:
            self.study.tell(trial, state=states.PRUNED)
        elif values is None or np.isnan(values).any():
            self.study.tell(trial, state=states.FAIL)
        else:
            self.study.tell(trial, [float(value) for value in values])

    def keep(self) -> None:
        """Write the trials of a round that has ended to the store."""
        if self.store is not None:
            self.store.add(self.study)


class TrialRecords:
    """Scores of fits in the trials of a study, read like a `Journal`.

    Parameters
    ----------
    study : optuna.Study
    """

    def __init__(self, study: Any) -> None:
        self.known: dict[str, dict[str, Record]] = {}
        for trial in study.get_trials(deepcopy=False):
            if SCORES in trial.user_attrs:
                for name, record in decode_records(trial.user_attrs[SCORES].encode()).items():
                    key, _, rows = name.partition(" ")
                    self.known.setdefault(key, {})[rows] = record

    def read(self, key: str) -> dict[str, Record]:
        """Return the records of a fit; empty if it is not finished."""
        return dict(self.known.get(key, {}))

    def write(self, key: str, records: Mapping[str, Record]) -> None:
        """Do nothing: the scores come back with their record, also from other processes."""


def set_scores(trial: Any, carried: Sequence[Any]) -> None:
    """Keep the scores of a trial, as `carry` has returned them, in its attributes."""
    records = {f"{one.key} {one.rows}": one.record for one in carried if getattr(one, "record", None) is not None}
    if records and all(record.is_complete for record in records.values()):
        trial.set_user_attr(SCORES, encode_records(records).decode())
