"""Names of fits: equal where the fits are, also in another process."""

import numpy as np
import pytest
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.model_selection import KFold

from sklearn_mtl.trunks import MLP
from sklearn_mtl.utils._digest import digest, fit_key

from .._helpers import inputs, mixed_targets, net

X = inputs(40)
Y = mixed_targets(X, missing=0.1)


def keys_of_slices():
    return [fit_key(net(), X[train], Y[train], {}) for train, _ in KFold(3).split(X)]


def test_key_tells_fits_apart():
    changed = [
        fit_key(net(), X, Y, {}),
        fit_key(net(random_state=1), X, Y, {}),
        fit_key(net(task_weights={"mass": 2.0}), X, Y, {}),
        fit_key(net(trunk=MLP((9,))), X, Y, {}),
        fit_key(net(), X + 1e-12, Y, {}),
        fit_key(net(), X, {**Y, "mass": Y["mass"] + 1}, {}),
        fit_key(net(), X, Y, {"sample_weight": np.ones(len(X))}),
        *keys_of_slices(),
    ]
    assert len(set(changed)) == len(changed)


@pytest.mark.slow
def test_key_is_the_same_in_every_process():
    elsewhere = Parallel(n_jobs=2)(delayed(fit_key)(net(), X[a], Y[a], {}) for a, _ in KFold(3).split(X))
    assert elsewhere == keys_of_slices()


def test_key_depends_on_values_and_not_on_shared_objects():
    shared = (8, 8)
    assert digest([shared, shared]) == digest([(8, 8), tuple([8] * 2)])
    assert fit_key(net().fit(X, Y), X, Y, {}) == fit_key(clone(net()), X.copy(), Y[np.arange(len(X))], {})


def test_what_cannot_be_pickled_has_no_name():
    with pytest.raises(ValueError, match="cannot be pickled"):
        digest(lambda: None)
