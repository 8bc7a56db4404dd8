"""Tasks read the labels of others, never their own."""

import pytest
import torch

from sklearn_mtl.architectures._label_inputs import LabelReader, hide_at_random
from sklearn_mtl.architectures._views import Views
from sklearn_mtl.nn._layers import set_draws
from sklearn_mtl.trunks import Representation
from sklearn_mtl.utils._random import Streams

WIDTHS = {"a": 3, "b": 2}
NAMES = ["a", "b", "c"]


def reader():
    made = LabelReader(NAMES, 4, WIDTHS, Streams(0)).eval()
    with torch.no_grad():
        made.change.weight.uniform_(-1, 1, generator=torch.Generator().manual_seed(0))
    return made


def views(n_rows=5, token=False):
    generator = torch.Generator().manual_seed(1)
    sample = torch.randn(n_rows, 4, generator=generator)
    return Views(None, Representation(sample, torch.randn(n_rows, 6, 4, generator=generator) if token else None))


def seen_by(labels, tasks=NAMES):
    return reader()(views(), labels, tasks).representation.sample


def test_nothing_is_changed_at_first():
    made = LabelReader(NAMES, 4, WIDTHS, Streams(0)).eval()
    changed = made(views(), torch.ones(5, 5), NAMES).representation.sample
    assert (changed == views().representation.sample).all()


def test_a_task_does_not_see_its_own_label():
    none = seen_by(torch.zeros(5, 5))
    of_a, of_b = torch.zeros(5, 5), torch.zeros(5, 5)
    of_a[:, :3], of_b[:, 3:] = 1, 1
    assert (seen_by(of_a)[0] == none[0]).all()
    assert (seen_by(of_b)[1] == none[1]).all()
    for labels, readers in ((of_a, [1, 2]), (of_b, [0, 2])):
        assert (seen_by(labels)[readers] != none[readers]).any(dim=(1, 2)).all()


def test_no_labels_are_the_same_as_unknown_ones():
    assert (seen_by(None) == seen_by(torch.zeros(5, 5))).all()


def test_where_nothing_is_known_the_view_is_that_of_no_reader():
    labels = torch.zeros(5, 5)
    labels[2:, :3] = torch.tensor([0.0, 0.0, 1.0])  # the label is 0, and its flag is 1
    changed = reader()(views(token=True), labels, NAMES).representation
    plain = views(token=True).representation
    assert (changed.sample[:, :2] == plain.sample[:2]).all()
    assert (changed.token[:, :2] == plain.token[:2]).all()
    assert (changed.sample[0] == plain.sample).all()  # a does not read itself
    assert (changed.sample[1:, 2:] != plain.sample[2:]).any(dim=-1).all()
    assert (changed.token[1:, 2:] != plain.token[2:]).any(dim=-1).all()


def test_some_tasks_are_computed_as_among_all():
    labels = torch.rand(5, 5)
    torch.testing.assert_close(seen_by(labels, ["c", "a"]), seen_by(labels)[[2, 0]])


def test_tokens_read_the_labels_of_their_row():
    one, other = (reader()(views(token=True), torch.full((5, 5), value), NAMES) for value in (0.0, 1.0))
    assert one.representation.token.shape == (3, 5, 6, 4)
    assert (one.representation.token != other.representation.token).any(dim=-1).all()


def test_labels_are_hidden_in_training_only():
    made = reader()
    labels = torch.ones(5, 5)
    whole = made(views(), labels, NAMES).representation.sample
    made.train()
    with pytest.raises(RuntimeError, match="no random numbers"):
        made(views(), labels, NAMES)
    set_draws(made, torch.Generator().manual_seed(0))
    assert (made(views(), labels, NAMES).representation.sample != whole).any()


def test_labels_are_hidden_as_whole_blocks_at_all_rates():
    draws = torch.rand(4000, 4, generator=torch.Generator().manual_seed(0))
    kept = hide_at_random(torch.ones(4000, 5), [3, 2], draws)
    assert (kept[:, :3].amin(dim=1) == kept[:, :3].amax(dim=1)).all()
    counts = torch.bincount((kept[:, 0] + kept[:, 4]).long(), minlength=3) / 4000
    torch.testing.assert_close(counts, torch.tensor([4.0, 1.0, 1.0]) / 6, atol=0.03, rtol=0)
