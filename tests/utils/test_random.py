import threading

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sklearn_mtl.utils._random import Streams

purposes = st.lists(st.text(max_size=5) | st.integers(), max_size=3).map(tuple)


def draw(seed, *purpose):
    return torch.rand(8, generator=Streams(seed).generator(*purpose)).tolist()


@given(st.integers(0, 2**31 - 1), purposes)
def test_a_generator_depends_on_seed_and_purpose_only(seed, purpose):
    streams = Streams(seed)
    torch.rand(3, generator=streams.generator("another purpose"))
    assert torch.rand(8, generator=streams.generator(*purpose)).tolist() == draw(seed, *purpose)


@given(st.integers(0, 2**31 - 1), purposes, purposes)
def test_other_purposes_give_other_numbers(seed, one, other):
    assert (draw(seed, *one) == draw(seed, *other)) == (one == other)


@pytest.mark.parametrize(("one", "other"), [(("a", "b"), ("ab",)), ((1,), ("1",)), (("head", "a"), ("head a",))])
def test_purposes_that_look_alike_are_apart(one, other):
    assert draw(0, *one) != draw(0, *other)


def test_other_seeds_give_other_numbers():
    assert len({tuple(draw(seed, "a")) for seed in range(20)}) == 20


def test_generators_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    torch.rand(3, generator=Streams(0).generator("a"))
    assert torch.equal(torch.get_rng_state(), before)


def test_lent_global_generator_is_seeded_and_its_state_given_back():
    before = torch.get_rng_state()
    with Streams(0).global_generator("a"):
        inside = torch.rand(8).tolist()
    assert inside == draw(0, "a")
    assert torch.equal(torch.get_rng_state(), before)


def draw_and_fail():
    torch.rand(3)
    raise ZeroDivisionError


def test_lent_global_generator_is_given_back_after_an_error():
    before = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), Streams(0).global_generator("a"):
        draw_and_fail()
    assert torch.equal(torch.get_rng_state(), before)


def test_threads_borrow_the_global_generator_one_after_the_other():
    drawn = {}

    def borrow(name):
        with Streams(0).global_generator(name):
            drawn[name] = [torch.rand(1).item() for _ in range(200)]

    threads = [threading.Thread(target=borrow, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, numbers in drawn.items():
        generator = Streams(0).generator(name)
        assert numbers == [torch.rand(1, generator=generator).item() for _ in range(200)]
