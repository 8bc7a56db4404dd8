"""What every trunk must hold: subclass `TrunkConformance` and override its fixture ``case``."""

import copy
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from sklearn.base import BaseEstimator, clone

from sklearn_mtl.columns._ragged import RaggedRows
from sklearn_mtl.nn._layers import set_draws
from sklearn_mtl.trunks import Representation, SparseRows, Trunk
from sklearn_mtl.utils._random import Streams


class Owner(BaseEstimator):
    """The estimator in whose name a trunk checks X."""

    dtype = "float64"


@dataclass(frozen=True)
class TrunkCase:
    """An unfitted trunk, inputs of its kind, and what ``fit`` takes besides."""

    trunk: Trunk
    X: Any
    categorical_features: Any = "from_dtype"

    @property
    def n_rows(self):
        return self.X.shape[0] if hasattr(self.X, "shape") else len(self.X)

    @property
    def is_table(self):
        return not isinstance(self.X, Mapping) and len(getattr(self.X, "shape", ())) == 2

    def fitted(self):
        owner = Owner()
        trunk = clone(self.trunk).fit(self.X, owner=owner, categorical_features=self.categorical_features)
        return trunk, trunk.encode(self.X, owner=owner)


def gather(inputs, rows):
    return {name: values[rows] for name, values in inputs.items()}


def network(trunk, streams, name="body"):
    return torch.nn.ModuleList([trunk.stem(streams), trunk.body(streams, name)]).double().eval()


def represent(modules, inputs):
    stem, body = modules
    return body(stem(inputs))


def same_weights(one, other):
    return all(torch.equal(one.state_dict()[name], tensor) for name, tensor in other.state_dict().items())


class TrunkConformance:
    """The contract of `sklearn_mtl.trunks.Trunk`."""

    @pytest.fixture
    def case(self):
        raise NotImplementedError("override the fixture with a TrunkCase")

    def test_can_be_made_without_arguments(self, case):
        assert isinstance(type(case.trunk)(), Trunk)

    def test_fit_returns_itself_and_keeps_its_parameters(self, case):
        trunk = clone(case.trunk)
        before = trunk.get_params()
        assert trunk.fit(case.X, owner=Owner(), categorical_features=case.categorical_features) is trunk
        assert all(trunk.get_params()[name] is value for name, value in before.items())
        assert not [name for name in vars(clone(trunk)) if name.endswith("_")]

    def test_inputs_are_not_written_to(self, case):
        before = pickle.dumps(case.X)
        trunk, inputs = case.fitted()
        represent(network(trunk, Streams(0)), gather(inputs, slice(None)))
        assert pickle.dumps(case.X) == before

    def test_owner_learns_the_number_of_features_of_a_table(self, case):
        owner = Owner()
        clone(case.trunk).fit(case.X, owner=owner, categorical_features=case.categorical_features)
        assert getattr(owner, "n_features_in_", None) == (case.X.shape[1] if case.is_table else None)

    def test_encoded_inputs_are_indexed_by_rows(self, case):
        _, inputs = case.fitted()
        assert inputs
        rows = torch.tensor([2, 0, 2])
        for values in inputs.values():
            assert isinstance(values, torch.Tensor | SparseRows | RaggedRows)
            assert len(values) == case.n_rows
            picked = values[rows]
            among_all = values[:][rows]
            if isinstance(values, RaggedRows):  # padded to the longest of the rows
                assert not among_all[:, picked.shape[1] :].any()
                among_all = among_all[:, : picked.shape[1]]
            torch.testing.assert_close(picked, among_all)
            assert torch.isfinite(values[:]).all()

    def test_shapes(self, case):
        trunk, inputs = case.fitted()
        stem, body = network(trunk, Streams(0))
        for n_rows in (1, 3):
            middle = stem(gather(inputs, slice(n_rows)))
            assert middle.shape[0] == n_rows
            assert trunk.summarize(middle).shape == (n_rows, trunk.stem_width_)
            result = body(middle)
            assert isinstance(result, Representation)
            assert result.sample.shape == (n_rows, trunk.width_)
            assert (result.token is not None) == trunk.has_tokens
            if result.token is not None:
                assert result.token.shape[::2] == (n_rows, trunk.width_)
                assert result.token_mask is None or result.token_mask.shape == result.token.shape[:2]

    def test_lengths_count_the_tokens_that_are_there(self, case):
        trunk, inputs = case.fitted()
        mask = represent(network(trunk, Streams(0)), gather(inputs, slice(None))).token_mask
        lengths = trunk.lengths(case.X)
        assert (lengths is None) == (mask is None)
        assert lengths is None or lengths.tolist() == mask.sum(dim=1).tolist()

    def test_rows_are_independent(self, case):
        trunk, inputs = case.fitted()
        modules = network(trunk, Streams(0))
        whole = represent(modules, gather(inputs, slice(None)))
        for row in range(len(whole.sample)):
            alone = represent(modules, gather(inputs, slice(row, row + 1)))
            torch.testing.assert_close(alone.sample[0], whole.sample[row])
            if whole.token is not None:
                n_tokens = alone.token.shape[1]
                torch.testing.assert_close(alone.token[0], whole.token[row, :n_tokens])
                assert whole.token_mask is None or not whole.token_mask[row, n_tokens:].any()

    def test_weights_come_from_the_streams_only(self, case):
        trunk, _ = case.fitted()
        before = torch.get_rng_state()
        assert same_weights(network(trunk, Streams(0)), network(trunk, Streams(0)))
        assert torch.equal(torch.get_rng_state(), before)
        weights = dict(network(trunk, Streams(0)).named_parameters())
        for name, other in network(trunk, Streams(1)).named_parameters():
            drawn = other.detach().unique().tolist() not in ([0], [1], [0, 1])
            assert torch.equal(other, weights[name]) != drawn

    def test_bodies_differ_by_name(self, case):
        trunk, _ = case.fitted()
        one, other = trunk.body(Streams(0), "one"), trunk.body(Streams(0), "other")
        assert [p.shape for p in one.parameters()] == [p.shape for p in other.parameters()]
        assert not list(one.parameters()) or not same_weights(one, other)

    def test_a_fitted_trunk_builds_the_same_modules_after_a_copy(self, case):
        trunk, inputs = case.fitted()
        for other in (copy.deepcopy(trunk), pickle.loads(pickle.dumps(trunk))):
            assert same_weights(network(trunk, Streams(0)), network(other, Streams(0)))
            again = other.encode(case.X, owner=_fitted_owner(case))
            assert all(torch.equal(again[name][:], inputs[name][:]) for name in inputs)

    def test_every_weight_gets_a_gradient(self, case):
        trunk, inputs = case.fitted()
        modules = network(trunk, Streams(0)).train()
        set_draws(modules, Streams(0).generator("dropout"))
        sample, token, _ = represent(modules, gather(inputs, slice(None)))
        (sample.square().sum() + (0 if token is None else token.square().sum())).backward()
        for parameter in modules.parameters():
            assert torch.isfinite(parameter.grad).all()
            assert parameter.grad.any()

    def test_training_mode_leaves_the_global_generator_alone(self, case):
        trunk, inputs = case.fitted()
        modules = network(trunk, Streams(0)).train()
        set_draws(modules, Streams(0).generator("dropout"))
        before = torch.get_rng_state()
        represent(modules, gather(inputs, slice(None)))
        assert torch.equal(torch.get_rng_state(), before)

    def test_another_number_of_features_is_refused(self, case):
        if not case.is_table:
            pytest.skip("its rows have no columns")
        trunk, _ = case.fitted()
        fewer = case.X.iloc[:, 1:] if hasattr(case.X, "iloc") else case.X[:, 1:]
        with pytest.raises(ValueError, match="feature"):
            trunk.encode(fewer, owner=_fitted_owner(case))


def _fitted_owner(case):
    owner = Owner()
    clone(case.trunk).fit(case.X, owner=owner, categorical_features=case.categorical_features)
    return owner
