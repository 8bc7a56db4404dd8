"""Faults planted in trunks, which the suite must find."""

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_mtl.testing import TrunkCase, TrunkConformance
from sklearn_mtl.trunks import MLP

from .suites import failing_tests

X = np.random.default_rng(0).normal(size=(7, 3))


class Small(MLP):
    def __init__(self, hidden_sizes=(6, 4)):
        super().__init__(hidden_sizes=hidden_sizes)


class Around(nn.Module):
    """A module after another one."""

    def __init__(self, inner, then, *others):
        super().__init__()
        self.inner, self.then = inner, then
        self.others = nn.ModuleList(others)

    def forward(self, x):
        return self.then(self.inner(x))


class CentredByTheRowsThatCome(Small):
    def encode(self, X, *, owner):
        inputs = super().encode(X, owner=owner)
        return {name: values - values.mean(dim=0) for name, values in inputs.items()}


class BatchStatistics(Small):
    def body(self, streams, name="body"):
        def centre(representation):
            return representation._replace(sample=representation.sample - representation.sample.mean(dim=0))

        return Around(super().body(streams, name), centre)


class GlobalGenerator(Small):
    def body(self, streams, name="body"):
        layer = nn.Linear(self.width_, self.width_)

        def through(representation):
            return representation._replace(sample=layer(representation.sample))

        return Around(super().body(streams, name), through, layer)


class OneBodyForAllNames(Small):
    def body(self, streams, name="body"):
        return super().body(streams, "body")


class TooWide(Small):
    def body(self, streams, name="body"):
        def twice(representation):
            return representation._replace(sample=torch.cat([representation.sample] * 2, dim=-1))

        return Around(super().body(streams, name), twice)


class NoRepresentation(Small):
    def body(self, streams, name="body"):
        return Around(super().body(streams, name), lambda representation: representation.sample)


class IdleWeights(Small):
    def body(self, streams, name="body"):
        with streams.global_generator("idle", name):
            return Around(super().body(streams, name), lambda representation: representation, nn.Linear(2, 2))


class NoiseOfTheGlobalGenerator(Small):
    def body(self, streams, name="body"):
        def noisy(representation):
            return representation._replace(sample=nn.functional.dropout(representation.sample, 0.5))

        return Around(super().body(streams, name), noisy)


class AnyNumberOfColumns(Small):
    def encode(self, X, *, owner):
        return {"numeric": torch.from_numpy(X)}


class WritesToX(Small):
    def fit(self, X, **options):
        X -= X.mean(axis=0)
        return super().fit(X, **options)


class ChangesItsParameter(Small):
    def fit(self, X, **options):
        self.hidden_sizes = [*self.hidden_sizes]
        return super().fit(X, **options)


FAULTS = [
    (CentredByTheRowsThatCome, "test_rows_are_encoded_one_by_one"),
    (BatchStatistics, "test_rows_are_independent"),
    (GlobalGenerator, "test_weights_come_from_the_streams_only"),
    (OneBodyForAllNames, "test_bodies_differ_by_name"),
    (TooWide, "test_shapes"),
    (NoRepresentation, "test_shapes"),
    (IdleWeights, "test_every_weight_gets_a_gradient"),
    (NoiseOfTheGlobalGenerator, "test_training_mode_leaves_the_global_generator_alone"),
    (AnyNumberOfColumns, "test_another_number_of_features_is_refused"),
    (WritesToX, "test_inputs_are_not_written_to"),
    (ChangesItsParameter, "test_fit_returns_itself_and_keeps_its_parameters"),
]


@pytest.mark.parametrize(("trunk", "test"), FAULTS, ids=[trunk.__name__ for trunk, _ in FAULTS])
def test_faults_are_found(trunk, test):
    assert test in failing_tests(TrunkConformance, TrunkCase(trunk(), X.copy()))


def test_what_the_faults_are_planted_in_passes():
    assert failing_tests(TrunkConformance, TrunkCase(Small(), X)) == set()
