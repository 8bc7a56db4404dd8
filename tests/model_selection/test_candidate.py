import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mtl.model_selection._candidate import Candidate
from sklearn_mtl.utils._digest import fit_key

from .._helpers import inputs, mixed_targets, net

X = inputs(40)
Y = mixed_targets(X, missing=0.1)


class Untrainable:
    """Trained fits that have every fit, and records the requested keys."""

    def __init__(self, fitted):
        self.fitted = fitted
        self.asked = []

    def get(self, key):
        self.asked.append(key)
        return self.fitted


@pytest.mark.parametrize(
    "make", [net, lambda: make_pipeline(StandardScaler(), net())], ids=["network", "pipeline"]
)
def test_what_the_bank_has_is_not_trained(make):
    fitted = make().fit(X, Y)
    trained_fits = Untrainable(fitted)
    candidate = clone(Candidate(make(), trained_fits=trained_fits)).fit(X, Y)
    assert candidate.fitted() is fitted
    assert not hasattr(candidate.estimator, "n_features_in_")
    assert trained_fits.asked == [fit_key(make(), X, Y, {})]


def test_what_the_bank_lacks_is_trained():
    candidate = Candidate(net(), trained_fits={"another": None}).fit(X, Y, sample_weight=np.ones(len(X)))
    assert candidate.fitted() is candidate.estimator
    assert candidate.fitted().score(X, Y) == net().fit(X, Y, sample_weight=np.ones(len(X))).score(X, Y)


def test_candidate_has_the_parameters_of_its_estimator():
    estimator = net(task_weights={"mass": 2.0})
    candidate = Candidate(estimator)
    assert candidate.get_params() == estimator.get_params()
    assert candidate.set_params(task_weights__mass=3.0) is candidate
    assert estimator.task_weights == {"mass": 3.0}


def test_score_carries_the_scores_of_the_tasks():
    candidate = Candidate(net()).fit(X, Y)
    score = candidate.record(lambda estimator, X, y: estimator.score(X, y), X, Y, {})
    assert score == net().fit(X, Y).score(X, Y)
    assert score.record.tasks == net().fit(X, Y).score_tasks(X, Y)
