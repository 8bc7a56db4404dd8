"""Quantiles of scores, with weights, and joint ones."""

import numpy as np
import pytest

from sklearn_mtl.uncertainty._pool import Pool, fewest, joint_mass


def pool(scores, weights=None, sources=None, total=None):
    scores = np.asarray(scores, dtype=float)
    weights = np.ones(len(scores)) if weights is None else np.asarray(weights, dtype=float)
    sources = np.zeros(len(scores), int) if sources is None else sources
    return Pool(scores, weights, sources, weights.sum() if total is None else total, len(scores))


@pytest.mark.parametrize("level", [0.5, 0.7, 0.8, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("n_rows", [9, 10, 19, 20, 99, 100])
def test_the_threshold_has_the_exact_rank(level, n_rows):
    scores = np.random.default_rng(n_rows).normal(size=n_rows)
    place = int(np.ceil(round((n_rows + 1) * level, 9)))
    expected = np.sort(scores)[place - 1] if place <= n_rows else np.inf
    assert pool(scores).thresholds(level, np.ones(1))[0] == expected
    assert pool(scores).is_enough(level) == (place <= n_rows) == (n_rows >= fewest(level))


def test_weighted_thresholds_are_those_of_the_definition():
    rng = np.random.default_rng(0)
    scores, weights = rng.normal(size=40), rng.uniform(0.1, 2, 40)
    test_weights = rng.uniform(0.1, 5, 30)
    found = pool(scores, weights).thresholds(0.8, test_weights)
    for weight, threshold in zip(test_weights, found, strict=True):
        shares = [weights[scores <= each].sum() / (weights.sum() + weight) for each in scores]
        enough = [each for each, share in zip(scores, shares, strict=True) if share >= 0.8]
        assert threshold == (min(enough) if enough else np.inf)


def test_weights_of_one_are_as_none():
    scores = np.random.default_rng(1).normal(size=57)
    weighted = pool(scores, np.full(57, 3.0)).thresholds(0.9, np.full(2, 3.0))
    np.testing.assert_array_equal(weighted, pool(scores).thresholds(0.9, np.ones(2)))


def test_candidates_are_in_the_set_up_to_the_threshold():
    scores = np.random.default_rng(2).integers(0, 9, 50)  # with ties
    own = pool(scores)
    threshold = own.thresholds(0.8, np.ones(1))[0]
    candidates = np.arange(-1.0, 10.0)
    inside = own.mass_below(candidates, 0) < own.needed(0.8, np.ones(1))
    np.testing.assert_array_equal(inside, candidates <= threshold)


def test_bounds_by_several_predictors_are_those_of_cv_plus():
    rng = np.random.default_rng(3)
    scores, sources = rng.exponential(size=60), rng.integers(0, 3, 60)
    centres, units = rng.normal(size=(3, 8)), rng.uniform(1, 2, size=(3, 8))
    bounds = pool(scores, sources=sources).upper_bounds(centres, units, 0.9, np.ones(8))
    each = centres[sources] + scores[:, None] * units[sources]
    np.testing.assert_array_equal(bounds, np.sort(each, axis=0)[int(np.ceil(0.9 * 61)) - 1])
    assert np.isinf(pool(scores, sources=sources).upper_bounds(centres, units, 0.99, np.ones(8))).all()


def test_blocks_do_not_change_bounds(monkeypatch):
    rng = np.random.default_rng(4)
    centres, units = rng.normal(size=(1, 20)), np.ones((1, 20))
    own = pool(rng.exponential(size=30))
    whole = own.upper_bounds(centres, units, 0.8, np.ones(20))
    monkeypatch.setattr("sklearn_mtl.uncertainty._pool._BLOCK", 70)
    np.testing.assert_array_equal(own.upper_bounds(centres, units, 0.8, np.ones(20)), whole)


@pytest.mark.parametrize("dependence", [0.0, 0.7, 0.999])
def test_joint_sets_cover_all_columns(dependence):
    rng = np.random.default_rng(5)
    n_rows, level, hits = 40, 0.8, []
    for _ in range(1500):
        common = rng.normal(size=(n_rows + 1, 1))
        scores = dependence * common + (1 - dependence) * rng.normal(size=(n_rows + 1, 3))
        known, new = scores[:-1], scores[-1]
        mass = joint_mass(known, level)
        own = [pool(column)._replace(fixed=mass).thresholds(level, np.ones(1))[0] for column in known.T]
        hits.append((new <= own).all())
    error = np.sqrt(level * (1 - level) / len(hits))
    assert level - 3 * error <= np.mean(hits) <= level + 2 / (n_rows + 1) * 3 + 3 * error


def test_joint_sets_of_one_column_are_its_own():
    scores = np.random.default_rng(6).normal(size=(33, 1))
    own = pool(scores[:, 0])
    joint = own._replace(fixed=joint_mass(scores, 0.9))
    assert joint.thresholds(0.9, np.ones(1)) == own.thresholds(0.9, np.ones(1))
    assert joint_mass(scores[:5], 0.9) == np.inf
