"""Conformance suite of trunks."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any
from unittest import SkipTest

import joblib
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.utils import _safe_indexing
from torch import Tensor, nn

from ..columns._ragged import RaggedRows
from ..nn._layers import set_draws
from ..trunks import Representation, SparseRows, StemOutput, StemOutputs, Trunk
from ..utils._random import Streams
from ..utils._types import ColumnsLike, RowsLike
from ._conformance import Conformance, assert_close, assert_refused, assert_same_params, through_pickle


class Owner(BaseEstimator):
    """Stands for the estimator that a trunk uses to check X."""


class TrunkCase:
    """A trunk that is not fitted, and the inputs of its tests.

    Parameters
    ----------
    trunk : Trunk
    X : table, sequence or other inputs of n rows
        Argument of ``fit`` of the trunk; about seven rows are enough.
    categorical_features : object, default="from_dtype"
        Argument of ``fit`` of the trunk.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.trunks import MLP
    >>> from sklearn_mtl.testing import TrunkCase
    >>> case = TrunkCase(MLP(hidden_sizes=(4,)), np.arange(14.0).reshape(7, 2))
    >>> trunk, inputs = case.fitted()
    >>> trunk.width_
    4
    """

    def __init__(self, trunk: Trunk, X: RowsLike, categorical_features: ColumnsLike = "from_dtype") -> None:
        self.trunk = trunk
        self._X = X
        self.categorical_features = categorical_features

    @property
    def X(self) -> Any:
        """A copy of the inputs, because a faulty trunk may modify it."""
        return copy.deepcopy(self._X)

    @property
    def n_rows(self) -> int:
        """Number of rows of X."""
        return int(self.X.shape[0]) if hasattr(self.X, "shape") else len(self.X)

    @property
    def is_table(self) -> bool:
        """Whether X has columns."""
        return not isinstance(self.X, Mapping) and len(getattr(self.X, "shape", ())) == 2

    def fit_to(self, owner: BaseEstimator) -> Trunk:
        """Fit a copy of the trunk for an estimator."""
        return clone(self.trunk).fit(
            self.X, owner=owner, dtype="float64", categorical_features=self.categorical_features
        )

    def fitted(self) -> tuple[Trunk, dict[str, Any]]:
        """Return a fitted copy of the trunk, and the encoded X."""
        owner = Owner()
        trunk = self.fit_to(owner)
        return trunk, dict(trunk.encode(self.X, owner=owner))


class TrunkConformance(Conformance[TrunkCase]):
    """Tests that every `Trunk <sklearn_mtl.trunks.Trunk>` must pass.

    Override ``cases`` to return a `TrunkCase` of each kind of inputs and of each option, by name.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.trunks import MLP
    >>> from sklearn_mtl.testing import TrunkCase, TrunkConformance
    >>> class TestMLP(TrunkConformance):
    ...     def cases(self):
    ...         return {"numbers": TrunkCase(MLP(hidden_sizes=(8,)), np.arange(14.0).reshape(7, 2) / 14)}
    >>> TestMLP().failures()
    {}
    """

    # -- a spec

    def test_can_be_made_without_arguments(self, case: TrunkCase) -> None:
        assert isinstance(type(case.trunk)(), Trunk), f"{type(case.trunk).__name__} does not inherit from Trunk."

    def test_fit_returns_itself_and_keeps_its_parameters(self, case: TrunkCase) -> None:
        trunk = clone(case.trunk)
        before = trunk.get_params()
        fitted = trunk.fit(case.X, owner=Owner(), categorical_features=case.categorical_features)
        assert fitted is trunk, "`fit` must return self."
        assert_same_params(before, trunk.get_params(), "`fit`")
        learned = [name for name in vars(clone(trunk)) if name.endswith("_")]
        assert not learned, f"`clone` keeps {learned}; the constructor must store its parameters and nothing else."

    def test_owner_learns_the_number_of_features_of_a_table(self, case: TrunkCase) -> None:
        owner = Owner()
        case.fit_to(owner)
        found, expected = getattr(owner, "n_features_in_", None), case.X.shape[1] if case.is_table else None
        assert found == expected, f"`fit` sets n_features_in_={found} on its owner; expected {expected}."

    def test_another_number_of_features_is_refused(self, case: TrunkCase) -> None:
        if not case.is_table:
            raise SkipTest("its rows have no columns")
        owner = Owner()
        trunk = case.fit_to(owner)
        fewer = case.X.iloc[:, 1:] if hasattr(case.X, "iloc") else case.X[:, 1:]
        assert_refused(lambda: trunk.encode(fewer, owner=owner), "X of fewer columns than in `fit`")

    # -- inputs to tensors

    def test_inputs_are_not_written_to(self, case: TrunkCase) -> None:
        X, owner = case.X, Owner()
        before = joblib.hash(X)
        fit = clone(case.trunk).fit
        trunk = fit(X, owner=owner, dtype="float64", categorical_features=case.categorical_features)
        inputs = trunk.encode(X, owner=owner)
        represent(network(trunk, Streams(0)), gather(inputs, slice(None)))
        assert joblib.hash(X) == before, "X was changed; copy it before writing to it."

    def test_encoded_inputs_are_indexed_by_rows(self, case: TrunkCase) -> None:
        _, inputs = case.fitted()
        assert inputs, "`encode` returned nothing."
        rows = torch.tensor([2, 0, 2])
        for name, values in inputs.items():
            kind = type(values).__name__
            assert isinstance(values, Tensor | SparseRows | RaggedRows), (
                f"input {name!r} is a {kind}; expected a tensor or rows."
            )
            assert len(values) == case.n_rows, f"input {name!r} has {len(values)} rows; X has {case.n_rows}."
            picked = values[rows]
            among_all = values[:][rows]
            if isinstance(values, RaggedRows):  # padded to the longest of the rows
                assert not among_all[:, picked.shape[1] :].any(), f"input {name!r} has padding other than 0."
                among_all = among_all[:, : picked.shape[1]]
            assert_close(picked, among_all, f"rows of input {name!r} change when they are selected.")
            assert torch.isfinite(values[:]).all(), f"input {name!r} is not finite."

    def test_rows_are_encoded_one_by_one(self, case: TrunkCase) -> None:
        owner = Owner()
        trunk = case.fit_to(owner)
        whole = trunk.encode(case.X, owner=owner)
        for rows in [*([row] for row in range(case.n_rows)), [*range(case.n_rows)][::-1]]:
            some = trunk.encode(_safe_indexing(case.X, rows), owner=owner)
            for name, values in whole.items():
                what = f"input {name!r} of a row depends on the other rows that `encode` receives."
                assert_close(some[name][:], values[torch.tensor(rows)], what)

    def test_lengths_count_the_tokens_that_are_there(self, case: TrunkCase) -> None:
        trunk, inputs = case.fitted()
        mask = represent(network(trunk, Streams(0)), gather(inputs, slice(None))).token_mask
        found = trunk.lengths(case.X)
        lengths = None if found is None else found.tolist()
        expected = None if mask is None else mask.sum(dim=1).tolist()
        assert lengths == expected, f"`lengths` returns {lengths}; the token mask counts {expected}."

    # -- the modules

    def test_shapes(self, case: TrunkCase) -> None:
        trunk, inputs = case.fitted()
        stem, body = network(trunk, Streams(0))
        for n_rows in (1, 3):
            middle = stem(gather(inputs, slice(n_rows)))
            kind = type(middle).__name__
            assert isinstance(middle, StemOutput | StemOutputs), f"the stem returns {kind}; expected a StemOutput."
            assert_shape(middle.mean(), (n_rows, trunk.stem_width_), "`mean` of what the stem returns")
            result = body(middle)
            kind = type(result).__name__
            assert isinstance(result, Representation), f"the body returns {kind}; expected a Representation."
            assert_shape(result.sample, (n_rows, trunk.width_), "`sample` of the representation")
            there = "with" if result.token is not None else "without"
            same = (result.token is not None) == trunk.has_tokens
            assert same, f"the representation is {there} tokens, but has_tokens is {trunk.has_tokens}."
            if result.token is not None:
                n_tokens = result.token.shape[1]
                assert_shape(result.token, (n_rows, n_tokens, trunk.width_), "`token` of the representation")
            if result.token is not None and result.token_mask is not None:
                assert_shape(result.token_mask, (n_rows, n_tokens), "`token_mask` of the representation")

    def test_rows_are_independent(self, case: TrunkCase) -> None:
        trunk, inputs = case.fitted()
        modules = network(trunk, Streams(0))
        whole = represent(modules, gather(inputs, slice(None)))
        what = "the representation of a row depends on other rows."
        for row in range(len(whole.sample)):
            alone = represent(modules, gather(inputs, slice(row, row + 1)))
            assert_close(alone.sample[0], whole.sample[row], what)
            if whole.token is not None and alone.token is not None:
                n_tokens = alone.token.shape[1]
                assert_close(alone.token[0], whole.token[row, :n_tokens], what)
                padded = whole.token_mask is not None and whole.token_mask[row, n_tokens:].any()
                assert not padded, "the token mask is True for padding."

    def test_weights_come_from_the_streams_only(self, case: TrunkCase) -> None:
        trunk, _ = case.fitted()
        before = torch.get_rng_state()
        same = same_weights(network(trunk, Streams(0)), network(trunk, Streams(0)))
        assert same, "two networks of equal streams differ; draw all weights from the streams."
        unmoved = torch.equal(torch.get_rng_state(), before)
        assert unmoved, "weights are drawn from torch's global generator; draw them from the streams."
        weights = dict(network(trunk, Streams(0)).named_parameters())
        for name, other in network(trunk, Streams(1)).named_parameters():
            drawn = other.detach().unique().tolist() not in ([0], [1], [0, 1])
            assert torch.equal(other, weights[name]) != drawn, (
                f"parameter {name!r} does not depend on the streams."
            )

    def test_bodies_differ_by_name(self, case: TrunkCase) -> None:
        trunk, _ = case.fitted()
        one, other = trunk.body(Streams(0), "one"), trunk.body(Streams(0), "other")
        shapes = [[p.shape for p in body.parameters()] for body in (one, other)]
        assert shapes[0] == shapes[1], f"bodies of two names have parameters of the shapes {shapes}."
        same = bool(shapes[0]) and same_weights(one, other)
        assert not same, "bodies of two names have the same weights; draw from `streams` by the name."

    def test_a_fitted_trunk_builds_the_same_modules_after_a_copy(self, case: TrunkCase) -> None:
        owner = Owner()
        trunk = case.fit_to(owner)
        inputs = trunk.encode(case.X, owner=owner)
        for other in (copy.deepcopy(trunk), through_pickle(trunk, type(trunk))):
            same = same_weights(network(trunk, Streams(0)), network(other, Streams(0)))
            assert same, "a copy of the fitted trunk builds different modules."
            again = other.encode(case.X, owner=owner)
            for name in inputs:
                assert torch.equal(again[name][:], inputs[name][:]), f"a copy encodes input {name!r} differently."

    def test_every_weight_gets_a_gradient(self, case: TrunkCase) -> None:
        trunk, inputs = case.fitted()
        modules = in_training(trunk)
        sample, token, _ = represent(modules, gather(inputs, slice(None)))
        (sample.square().sum() + (0 if token is None else token.square().sum())).backward()
        for name, parameter in modules.named_parameters():
            gradient = torch.zeros(()) if parameter.grad is None else parameter.grad
            assert gradient.any(), f"parameter {name!r} gets no gradient; use it or remove it."
            assert torch.isfinite(gradient).all(), f"the gradient of parameter {name!r} is not finite."

    def test_training_mode_leaves_the_global_generator_alone(self, case: TrunkCase) -> None:
        trunk, inputs = case.fitted()
        modules = in_training(trunk)
        before = torch.get_rng_state()
        represent(modules, gather(inputs, slice(None)))
        unmoved = torch.equal(torch.get_rng_state(), before)
        assert unmoved, "training draws from torch's global generator, so a fit depends on more than its seed."


def gather(inputs: Mapping[str, Any], rows: Any) -> dict[str, Tensor]:
    """Select a batch of encoded inputs."""
    return {name: values[rows] for name, values in inputs.items()}


def network(trunk: Trunk, streams: Streams, name: str = "body") -> nn.ModuleList:
    """Build stem and body in double precision, for prediction."""
    return nn.ModuleList([trunk.stem(streams), trunk.body(streams, name)]).double().eval()


def in_training(trunk: Trunk) -> nn.ModuleList:
    """Build stem and body in training mode, with random numbers."""
    modules = network(trunk, Streams(0)).train()
    set_draws(modules, Streams(0).generator("dropout"))
    return modules


def represent(modules: nn.ModuleList, inputs: Mapping[str, Any]) -> Representation:
    """Compute the representation of a batch."""
    stem, body = modules
    return body(stem(inputs))


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    """Compare parameters and buffers bit by bit."""
    return all(torch.equal(one.state_dict()[name], tensor) for name, tensor in other.state_dict().items())


def assert_shape(tensor: Tensor, expected: tuple[int, ...], what: str) -> None:
    """Compare the shape of a tensor."""
    assert tensor.shape == expected, f"{what} has shape {tuple(tensor.shape)}; expected {expected}."
