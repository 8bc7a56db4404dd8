import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_mtl.config._schedules import SCHEDULES, WARM_UP

schedules = pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES.keys())
progress = st.floats(0, 1, exclude_max=True)


@schedules
@given(share=st.floats(0, 0.999))
def test_a_factor_is_positive_and_at_most_one(schedule, share):
    assert 0 < schedule(share) <= 1


@schedules
def test_the_whole_learning_rate_is_reached(schedule):
    assert max(schedule(share / 100) for share in range(100)) == pytest.approx(1)


@given(one=progress, other=progress)
def test_a_cosine_only_falls(one, other):
    earlier, later = sorted((one, other))
    assert SCHEDULES["cosine"](earlier) >= SCHEDULES["cosine"](later)


@pytest.mark.parametrize(("share", "factor"), [(0, 1), (1 / 3, 0.75), (0.5, 0.5), (2 / 3, 0.25), (1, 0)])
def test_a_cosine_is_a_half_cosine(share, factor):
    assert SCHEDULES["cosine"](share) == pytest.approx(factor)


@given(one=progress, other=progress)
def test_one_cycle_rises_and_then_falls(one, other):
    earlier, later = (SCHEDULES["one_cycle"](share) for share in sorted((one, other)))
    if max(one, other) <= WARM_UP:
        assert earlier <= later
    if min(one, other) >= WARM_UP:
        assert earlier >= later


def test_one_cycle_ends_at_nothing_and_has_no_jump():
    one_cycle = SCHEDULES["one_cycle"]
    assert one_cycle(1) == pytest.approx(0)
    factors = [one_cycle(share / 1000) for share in range(1001)]
    assert max(abs(a - b) for a, b in zip(factors[1:], factors, strict=False)) < 0.011


@given(share=progress)
def test_a_constant_stays(share):
    assert SCHEDULES["constant"](share) == 1
