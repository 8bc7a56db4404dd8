"""Targets in which labels were filled in keep what is known of the labels that were there."""

import numpy as np
import pandas as pd

from sklearn_mtl import Targets
from sklearn_mtl.targets import read_targets


def test_types_are_inferred_from_the_labels_that_were_there():
    frame = pd.DataFrame(
        {"kind": pd.Categorical(["a", None, "b"], categories=["b", "a", "c"]), "mass": [1.0, 2.0, 3.5]}
    )
    y, container = read_targets(frame)
    filled = y._filled({"kind": np.array(["a", "c", "b"], dtype=object)})
    assert filled["kind"].tolist() == ["a", "c", "b"]
    assert filled.facts() == y.facts()
    assert filled.categories_of("kind") == y.categories_of("kind")
    assert y["kind"].tolist()[1] is None or pd.isna(y["kind"].tolist()[1])
    assert read_targets(y._filled({}, container))[1] == container


def test_without_a_container_predictions_are_targets():
    y = Targets(a=[1.0, 2.0])
    assert read_targets(y._filled({"a": np.array([3.0, 4.0])}))[1] == read_targets(y)[1]
