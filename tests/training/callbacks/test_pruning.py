"""The callback that reports epochs to a trial of Optuna."""

import optuna
import pytest
from optuna.trial import TrialState
from sklearn.base import clone
from sklearn.model_selection import KFold, cross_val_score

from sklearn_mtl import EarlyStopping
from sklearn_mtl.model_selection import PruningCallback
from sklearn_mtl.training.callbacks import watches_batches

from ..._helpers import inputs, mixed_targets, net

optuna.logging.set_verbosity(optuna.logging.WARNING)
X = inputs(60)
Y = mixed_targets(X, missing=0.1)
EPOCHS = 4


class After(optuna.pruners.BasePruner):
    """Prunes every trial but the first, after some steps."""

    def __init__(self, step):
        self.step = step

    def prune(self, study, trial):
        return trial.number > 0 and trial.last_step >= self.step


def estimator(callback, **params):
    stopping = EarlyStopping(True, n_iter_no_change=EPOCHS)
    return net(n_members=1, max_epochs=EPOCHS, callbacks=[callback], **{"early_stopping": stopping, **params})


def study(direction="maximize", pruner=None):
    return optuna.create_study(direction=direction, pruner=pruner or optuna.pruners.NopPruner())


@pytest.mark.parametrize(("direction", "name"), [("maximize", "valid_score"), ("minimize", "valid_loss")])
def test_each_epoch_is_reported(direction, name):
    trial = study(direction).ask()
    history = estimator(PruningCallback(trial)).fit(X, Y).history_
    values = [trial.study.trials[0].intermediate_values[step] for step in range(EPOCHS)]
    assert values == history[name].tolist()


def test_another_entry_is_reported():
    trial = study("minimize").ask()
    history = estimator(PruningCallback(trial, "train_loss__mass"), early_stopping=False).fit(X, Y).history_
    assert list(trial.study.trials[0].intermediate_values.values()) == history["train_loss__mass"].tolist()


def test_trials_of_a_study_are_pruned():
    def objective(trial):
        net = estimator(PruningCallback(trial), learning_rate=trial.suggest_float("learning_rate", 1e-3, 1e-1))
        return net.fit(X, Y).score(X, Y)

    found = study(pruner=After(1))
    found.optimize(objective, n_trials=3)
    assert [trial.state for trial in found.trials] == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.PRUNED]
    assert [len(trial.intermediate_values) for trial in found.trials] == [EPOCHS, 2, 2]


def test_the_folds_of_a_trial_report_one_after_the_other():
    def objective(trial):
        return cross_val_score(estimator(PruningCallback(trial)), X, Y, cv=KFold(3), error_score="raise").mean()

    found = study(pruner=After(EPOCHS))  # in the first epoch of the second fold
    found.optimize(objective, n_trials=2)
    assert [trial.state for trial in found.trials] == [TrialState.COMPLETE, TrialState.PRUNED]
    assert [list(trial.intermediate_values) for trial in found.trials] == [
        list(range(3 * EPOCHS)),
        list(range(EPOCHS + 1)),
    ]


def test_scikit_learn_takes_a_pruned_fit_for_a_failed_one():
    found = study(pruner=After(0))
    found.ask()
    with pytest.raises(ValueError, match=r"(?s)fits failed.*TrialPruned: The trial 1 was pruned after epoch 1"):
        cross_val_score(estimator(PruningCallback(found.ask())), X, Y, cv=KFold(2))


def test_a_clone_reports_to_the_same_trial():
    callback = PruningCallback(study().ask())
    assert clone(estimator(callback)).callbacks[0] is callback


def test_a_fit_that_continues_continues_the_steps():
    trial = study("minimize").ask()
    model = estimator(PruningCallback(trial), warm_start=True)
    model.fit(X, Y).fit(X, Y)
    assert list(trial.study.trials[0].intermediate_values) == list(range(2 * EPOCHS))


def test_batches_are_not_recorded_for_it():
    assert not watches_batches(PruningCallback(study().ask()))


@pytest.mark.parametrize(
    ("direction", "monitor", "message"),
    [
        ("maximize", "valid_loss", "to a study that maximizes; .* or monitor 'valid_score'"),
        ("minimize", "train_score__mass", "to a study that minimizes; .* or monitor 'train_loss__mass'"),
        ("maximize", "valid_accuracy", "PruningCallback watches 'valid_accuracy', which is not in the history"),
    ],
)
def test_a_wrong_monitor_is_refused(direction, monitor, message):
    with pytest.raises(ValueError, match=message):
        estimator(PruningCallback(study(direction).ask(), monitor)).fit(X, Y)


def test_without_validation_rows_it_is_refused():
    with pytest.raises(ValueError, match="PruningCallback watches 'valid_score', but no validation rows"):
        estimator(PruningCallback(study().ask()), early_stopping=False).fit(X, Y)


def test_several_objectives_are_refused():
    trial = optuna.create_study(directions=["maximize", "maximize"]).ask()
    with pytest.raises(ValueError, match="needs a study with one objective"):
        estimator(PruningCallback(trial)).fit(X, Y)
