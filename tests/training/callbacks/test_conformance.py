"""Every callback that skorch exports does what it does in a plain skorch net, or is refused by name."""

import copy
import pickle
import sys
from types import ModuleType
from unittest.mock import MagicMock

import numpy as np
import pytest
import skorch.callbacks
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    EpochTimer,
    Freezer,
    GradientNormClipping,
    Initializer,
    InputShapeSetter,
    LoadInitState,
    LRScheduler,
    MlflowLogger,
    NeptuneLogger,
    ParamMapper,
    PassthroughScoring,
    PrintLog,
    ProgressBar,
    SacredLogger,
    TensorBoard,
    TrainEndCheckpoint,
    Unfreezer,
    WandbLogger,
)

from sklearn_mtl import MultiTaskNetRegressor
from tests._helpers import inputs, net, weights_of

X = inputs(80)
Y = X[:, 0] - X[:, 1]
EPOCHS, N_TRAIN, N_VALID = 3, 60, 20
BATCHES, VALID_BATCHES = 4, 2


def small(**params):
    return net(**{"early_stopping": True, "validation": 0.25, "batch_size": 16, **params})


def fitted(*callbacks, **params):
    return small(callbacks=list(callbacks), **params).fit(X, Y)


def loss_column(estimator, part="train"):
    return estimator.history_[f"{part}_loss"].to_numpy()


# -- one check for each callback


def batch_scoring(tmp_path, monkeypatch):
    columns = fitted(BatchScoring("neg_mean_squared_error", lower_is_better=False, name="mse")).history_
    np.testing.assert_allclose(
        columns["mse"] / columns["mse"].iloc[0], columns["valid_loss"] / columns["valid_loss"].iloc[0], rtol=1e-5
    )


def callback(tmp_path, monkeypatch):
    calls = []

    class Recorder(Callback):
        def on_train_begin(self, net, **kwargs):
            calls.append("train")

        def on_batch_end(self, net, batch, training, y_pred, **kwargs):
            calls.append("batch" if training else "valid batch")

        def on_epoch_end(self, net, **kwargs):
            calls.append("epoch")

    fitted(Recorder())
    assert calls == ["train", *(["batch"] * BATCHES + ["valid batch"] * VALID_BATCHES + ["epoch"]) * EPOCHS]


def checkpoint(tmp_path, monkeypatch):
    spoiled = Initializer("*", at=EPOCHS, fn=torch.nn.init.ones_)
    kept = fitted(Checkpoint(dirname=str(tmp_path), load_best=True), spoiled)
    assert kept.history_["event_cp"].any()
    saved = torch.load(tmp_path / "params.pt", weights_only=True)
    for name, values in weights_of(kept).items():
        np.testing.assert_array_equal(values, saved[name])
    assert {"params.pt", "optimizer.pt", "criterion.pt", "history.json"} == {
        path.name for path in tmp_path.iterdir()
    }


def early_stopping(tmp_path, monkeypatch):
    stopped = fitted(EarlyStopping(patience=2, threshold=1e9, threshold_mode="abs"), max_epochs=9)
    assert stopped.n_iter_ == 3  # the first is the best, and two more are waited for


def epoch_scoring(tmp_path, monkeypatch):
    columns = fitted(EpochScoring("r2", lower_is_better=False)).history_
    np.testing.assert_allclose(columns["r2"], columns["valid_score"])
    best = columns["r2"].expanding().max().to_numpy()
    assert columns["r2_best"].tolist() == [True, *(best[1:] > best[:-1])]


def epoch_timer(tmp_path, monkeypatch):
    assert (fitted(("timer", EpochTimer())).history_["dur"] > 0).all()


def freezer(tmp_path, monkeypatch):
    first = weights_of(fitted(max_epochs=1, learning_rate=1e-30, weight_decay=0))
    frozen = fitted(Freezer(lambda name: not name.startswith("heads")), weight_decay=0)
    moved = {
        name for name, values in weights_of(frozen).items() if not np.allclose(values, first[name], atol=1e-9)
    }
    assert moved
    assert all(name.startswith("heads") for name in moved)


def gradient_norm_clipping(tmp_path, monkeypatch):
    clipped = fitted(GradientNormClipping(1e-3), optimizer="sgd")
    ours = fitted(clip_norm=1e-3, optimizer="sgd")
    for name, values in weights_of(clipped).items():
        np.testing.assert_allclose(values, weights_of(ours)[name], rtol=1e-5, atol=1e-7)


def initializer(tmp_path, monkeypatch):
    zero = fitted(Initializer("*", fn=torch.nn.init.zeros_), max_epochs=1, learning_rate=1e-30, weight_decay=0)
    assert all(
        (values == pytest.approx(0)) for name, values in weights_of(zero).items() if name.startswith("heads")
    )


def input_shape_setter(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="InputShapeSetter, which has no effect"):
        fitted(InputShapeSetter())


def lr_scheduler(tmp_path, monkeypatch):
    rates = fitted(LRScheduler("StepLR", step_size=1, gamma=0.5), learning_rate=0.1).history_["event_lr"]
    np.testing.assert_allclose(rates, [0.1, 0.05, 0.025])


def load_init_state(tmp_path, monkeypatch):
    kept = TrainEndCheckpoint(dirname=str(tmp_path))
    callbacks = [kept, LoadInitState(kept)]
    assert fitted(*callbacks).n_iter_ == EPOCHS
    again = clone(small(callbacks=callbacks)).fit(X, Y)
    assert again.n_iter_ == 2 * EPOCHS
    assert loss_column(again)[EPOCHS] < loss_column(again)[0]


def mlflow_logger(tmp_path, monkeypatch):
    run, client = MagicMock(), MagicMock()
    of_user = MlflowLogger(run, client)
    parameters = set(vars(of_user))
    fitted(of_user)
    names = [call.args[1] for call in client.log_metric.call_args_list]
    assert names.count("train_loss_epoch") + names.count("train_loss") >= EPOCHS
    assert client.log_artifact.call_count == 4
    assert set(vars(of_user)) == parameters


def neptune_logger(tmp_path, monkeypatch):
    modules = {name: ModuleType(name) for name in ("neptune", "neptune.types", "neptune.handler")}
    modules["neptune.types"].File = MagicMock()
    modules["neptune.handler"].Handler = type("Handler", (), {})
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    run = MagicMock()
    of_user = NeptuneLogger(run, log_on_batch_end=True)
    parameters = set(vars(of_user))
    fitted(of_user)
    run.stop.assert_called_once()
    logged = {call.args[0]: call.args[1] for call in run["training"].__setitem__.call_args_list}
    assert logged["config/epochs"] == EPOCHS
    assert set(vars(of_user)) == parameters


def param_mapper(tmp_path, monkeypatch):
    seen = []
    of_user = ParamMapper("heads*", fn=seen.append, at=2)
    before = dict(vars(of_user))
    fitted(of_user)
    assert len(seen) == 2  # weight and bias, once
    assert vars(of_user) == before


def passthrough_scoring(tmp_path, monkeypatch):
    plain = fitted(PassthroughScoring("train_loss", on_train=True), PassthroughScoring("valid_loss"))
    ours = fitted(Callback())
    for part in ("train", "valid"):
        np.testing.assert_allclose(loss_column(plain, part), loss_column(ours, part), rtol=1e-6)
        assert plain.history_[f"{part}_loss_best"].equals(ours.history_[f"{part}_loss_best"])


def print_log(tmp_path, monkeypatch):
    lines = []
    fitted(PrintLog(sink=lines.append), EpochScoring("r2", name="mine"))
    assert len(lines) == 2 + EPOCHS
    assert "mine" in lines[0]


def progress_bar(tmp_path, monkeypatch):
    bar = MagicMock()
    monkeypatch.setattr("tqdm.tqdm", MagicMock(return_value=bar))
    fitted(ProgressBar())
    assert bar.update.call_count == EPOCHS * (BATCHES + VALID_BATCHES)
    assert sys.modules["tqdm"].tqdm.call_args.kwargs["total"] == BATCHES + VALID_BATCHES


def sacred_logger(tmp_path, monkeypatch):
    run = MagicMock()
    fitted(SacredLogger(run, log_on_batch_end=True))
    names = [call.args[0] for call in run.log_scalar.call_args_list]
    assert names.count("valid_loss_epoch") == EPOCHS
    assert names.count("train_loss_batch") == EPOCHS * BATCHES


def tensor_board(tmp_path, monkeypatch):
    writer = MagicMock()
    fitted(TensorBoard(writer))
    tags = [call.kwargs["tag"] for call in writer.add_scalar.call_args_list]
    assert tags.count("Loss/valid_loss") == EPOCHS
    writer.close.assert_called_once()


def train_end_checkpoint(tmp_path, monkeypatch):
    kept = fitted(TrainEndCheckpoint(dirname=str(tmp_path)))
    saved = torch.load(tmp_path / "train_end_params.pt", weights_only=True)
    for name, values in weights_of(kept).items():
        np.testing.assert_array_equal(values, saved[name])


def unfreezer(tmp_path, monkeypatch):
    frozen = Freezer("heads*")
    released = fitted(frozen, Unfreezer("heads*", at=2))
    assert not np.allclose(
        weights_of(released)["heads.products.0.bias"], weights_of(fitted(frozen))["heads.products.0.bias"]
    )


def wandb_logger(tmp_path, monkeypatch):
    run = MagicMock(dir=str(tmp_path))
    fitted(WandbLogger(run))
    assert run.log.call_count == EPOCHS
    assert (tmp_path / "best_model.pth").exists()


def warm_restart_lr(tmp_path, monkeypatch):
    rates = fitted(LRScheduler("WarmRestartLR", max_lr=0.1, base_period=2)).history_["event_lr"]
    np.testing.assert_allclose(rates, [0.1, (0.1 + 1e-6) / 2, 1e-6])


CHECKS = {
    "BatchScoring": batch_scoring,
    "Callback": callback,
    "Checkpoint": checkpoint,
    "EarlyStopping": early_stopping,
    "EpochScoring": epoch_scoring,
    "EpochTimer": epoch_timer,
    "Freezer": freezer,
    "GradientNormClipping": gradient_norm_clipping,
    "Initializer": initializer,
    "InputShapeSetter": input_shape_setter,
    "LRScheduler": lr_scheduler,
    "LoadInitState": load_init_state,
    "MlflowLogger": mlflow_logger,
    "NeptuneLogger": neptune_logger,
    "ParamMapper": param_mapper,
    "PassthroughScoring": passthrough_scoring,
    "PrintLog": print_log,
    "ProgressBar": progress_bar,
    "SacredLogger": sacred_logger,
    "TensorBoard": tensor_board,
    "TrainEndCheckpoint": train_end_checkpoint,
    "Unfreezer": unfreezer,
    "WandbLogger": wandb_logger,
    "WarmRestartLR": warm_restart_lr,
}


@pytest.mark.parametrize("name", skorch.callbacks.__all__)
def test_callback_works_or_is_refused(name, tmp_path, monkeypatch):
    CHECKS[name](tmp_path, monkeypatch)


# -- what callbacks cannot find


@pytest.mark.parametrize("callback", [Checkpoint(), EarlyStopping(), WandbLogger(MagicMock(), save_model=True)])
def test_watching_validation_rows_that_are_not_there_is_refused(callback):
    with pytest.raises(ValueError, match=r"watches 'valid_loss.*no validation rows.*early_stopping=True"):
        fitted(callback, early_stopping=False)


def test_watching_an_unknown_column_is_refused():
    with pytest.raises(
        ValueError, match=r"EarlyStopping watches 'nope', which is not in the history; it has .*'valid_loss'"
    ):
        fitted(EarlyStopping("nope"))


def test_pattern_without_a_parameter_is_a_warning():
    with pytest.warns(
        UserWarning, match=r"Freezer finds no parameter with the pattern 'dense\*'; the parameters are"
    ):
        fitted(Freezer("dense*"))


@pytest.mark.parametrize("callbacks", ["disable", EpochTimer()])
def test_what_is_no_list_is_refused(callbacks):
    with pytest.raises(TypeError, match="should be a list of skorch callbacks or None"):
        small(callbacks=callbacks).fit(X, Y)


# -- what a fit leaves behind


def test_a_fit_without_callbacks_records_nothing_for_them():
    assert not {"train_loss_best", "train_batch_count"} & set(small().fit(X, Y).history_)


def test_instances_of_the_user_keep_their_parameters():
    callbacks = [
        LRScheduler("OneCycleLR", max_lr=0.1, total_steps=99),
        Freezer("heads*"),
        EpochScoring("r2"),
        BatchScoring("r2", name="by batch"),
        EarlyStopping(load_best=True),
    ]
    before = [dict(entry.get_params()) for entry in callbacks]
    estimator = fitted(*callbacks)
    assert [entry.get_params() for entry in callbacks] == before
    for made in (clone(estimator), pickle.loads(pickle.dumps(estimator)), copy.deepcopy(estimator)):
        made.fit(X, Y)
        np.testing.assert_array_equal(made.predict(X), estimator.predict(X))


def test_trained_net_does_not_keep_the_rows():
    net_ = fitted(EpochScoring("r2"), BatchScoring("r2", name="b"), LRScheduler("StepLR", step_size=1)).net_
    assert net_.scoring is None
    assert len(pickle.dumps(net_)) < 200_000 + len(pickle.dumps(fitted().net_))
    assert dict(net_.callbacks_)["LRScheduler"].lr_scheduler_ is None


def test_net_that_a_checkpoint_pickles_is_without_the_fit(tmp_path):
    fitted(Checkpoint(dirname=str(tmp_path), f_pickle="net.pickle"), EpochScoring("r2"))
    kept = pickle.loads((tmp_path / "net.pickle").read_bytes())
    assert kept.scoring is None
    assert [name for name, _ in kept.callbacks_] == ["epoch_timer", "Checkpoint", "EpochScoring", "print_log"]


def test_frozen_parameters_stay_frozen_where_training_goes_on():
    estimator = small(callbacks=[Freezer("heads*")])
    start = weights_of(estimator.partial_fit(X, Y))["heads.products.0.weight"]
    np.testing.assert_array_equal(weights_of(estimator.partial_fit(X, Y))["heads.products.0.weight"], start)


# -- the parameters of callbacks


def test_names_are_those_of_skorch():
    callbacks = [EpochScoring("r2"), ("mine", EpochTimer), EpochScoring("r2", name="b"), EarlyStopping]
    params = small(callbacks=callbacks).get_params()
    names = {name.split("__")[1] for name in params if name.startswith("callbacks__")}
    assert names == {"EpochScoring_1", "mine", "EpochScoring_2", "EarlyStopping"}
    fitted_names = [name for name, _ in small(callbacks=callbacks).fit(X, Y).net_.callbacks_]
    assert set(fitted_names) == names | {"epoch_timer", "print_log"}


def test_parameters_are_set_in_copies():
    of_user = LRScheduler("StepLR", step_size=1)
    estimator = small(callbacks=[of_user, EarlyStopping])
    estimator.set_params(callbacks__LRScheduler__step_size=7, callbacks__EarlyStopping__patience=2)
    assert of_user.step_size == 1
    assert estimator.get_params()["callbacks__LRScheduler__step_size"] == 7
    assert estimator.get_params()["callbacks__EarlyStopping__patience"] == 2


def test_none_switches_a_callback_off():
    estimator = small(callbacks=[EpochScoring("r2"), EpochScoring("r2", name="b")])
    estimator.set_params(callbacks__EpochScoring_1=None)
    columns = estimator.fit(X, Y).history_
    assert "b" in columns
    assert "r2" not in columns
    estimator.set_params(callbacks__EpochScoring_2=None, n_members=2).fit(X, Y)  # as good as none


def test_unknown_name_is_refused():
    with pytest.raises(ValueError, match=r"callbacks has no entry 'nope' .* it has \['EpochTimer'\]"):
        small(callbacks=[EpochTimer()]).set_params(callbacks__nope__x=1)


def test_grid_over_parameters_of_callbacks():
    estimator = small(callbacks=[("lr", LRScheduler("StepLR", step_size=1, gamma=0.1))], learning_rate=0.1)
    search = GridSearchCV(estimator, {"callbacks__lr__gamma": [1.0, 1e-9]}, cv=2, error_score="raise").fit(X, Y)
    assert search.best_params_ == {"callbacks__lr__gamma": 1.0}
    assert search.best_estimator_.history_["event_lr"].tolist() == [0.1] * EPOCHS


def test_batch_ensembles_take_callbacks():
    model = MultiTaskNetRegressor(
        n_members=3, ensemble="batch", max_epochs=2, early_stopping=True, random_state=0,
        callbacks=[EpochScoring("r2"), BatchScoring("r2", name="by batch"), LRScheduler("StepLR", step_size=1)],
    ).fit(X, Y)  # fmt: skip
    np.testing.assert_allclose(model.history_["r2"], model.history_["valid_score"])
    np.testing.assert_allclose(model.history_["by batch"], model.history_["valid_score"])
