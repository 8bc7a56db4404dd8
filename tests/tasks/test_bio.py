import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from sklearn_mtl.tasks._bio import best_paths, bio_grammar, observed_grammar

BIO = ["B-x", "B-y", "I-x", "I-y", "O"]
IOBES = ["B-x", "E-x", "I-x", "O", "S-x", "S-y"]
SCHEMES = {
    "two kinds": BIO,
    "in any order": ["I-y", "O", "B-x", "I-x", "B-y"],
    "nothing outside": ["B-x", "I-x"],
    "no kinds": ["B", "I", "O"],
    "no insides": ["B-x", "B-y", "O"],
    "begin to end": IOBES,
}


def follows_bio(tags):
    return all(
        not tag.startswith("I") or (before[:1] in ("B", "I") and before[1:] == tag[1:])
        for before, tag in itertools.pairwise(["O", *tags])
    )


def follows_iobes(tags):
    """Return whether each entity, as a kept library reads them, is written as the scheme wants it."""
    written = ["O"] * len(tags)
    for kind, first, last in get_entities(tags):
        if first == last:
            written[first] = f"S-{kind}"
        else:
            written[first], written[last] = f"B-{kind}", f"E-{kind}"
            written[first + 1 : last] = [f"I-{kind}"] * (last - first - 1)
    return written == tags


def follows(tags, classes):
    return follows_iobes(tags) if classes == IOBES else follows_bio(tags)


@pytest.mark.parametrize("classes", SCHEMES.values(), ids=SCHEMES.keys())
@pytest.mark.parametrize("length", [0, 1, 2, 3, 4])
def test_what_a_grammar_allows_is_what_the_scheme_says(classes, length):
    grammar = bio_grammar(classes)
    for codes in itertools.product(range(len(classes)), repeat=length):
        tags = [classes[code] for code in codes]
        assert grammar.allows(np.array(codes, dtype=int)) == follows(tags, classes), tags


@pytest.mark.parametrize(
    "classes",
    [
        ["O"], [], [0, 1, 2], ["ape", "bee"], ["B-x", "I-x", "O", "other"], ["O-x", "B-x"], ["b-x", "O"],
        ["I-x", "O"], ["B-x", "I-x", "I-y", "O"],  # a kind that nothing begins, as in IOB1
        ["B-x", "E-y", "S-y", "O"], ["B-x", "S-x", "O"], ["B-x", "E-x", "I-x"],  # no end; no sequence of one tag
        ["B-x", None],
    ],
)  # fmt: skip
def test_labels_of_no_scheme_have_no_grammar(classes):
    assert bio_grammar(classes) is None


@given(st.sampled_from(list(SCHEMES.values())), st.lists(st.integers(0, 4), max_size=4), st.integers(0, 10**6))
def test_the_best_path_is_that_of_trying_all(classes, lengths, seed):
    grammar, n_classes = bio_grammar(classes), len(classes)
    log_proba = np.random.default_rng(seed).normal(scale=3, size=(sum(lengths), n_classes))
    paths = np.split(best_paths(log_proba, np.array(lengths, dtype=int), grammar), np.cumsum(lengths)[:-1])
    rows = np.split(log_proba, np.cumsum(lengths)[:-1])
    for path, row in zip(paths, rows, strict=True):
        valid = [
            codes
            for codes in itertools.product(range(n_classes), repeat=len(row))
            if follows([classes[code] for code in codes], classes)
        ]
        best = max(valid, key=lambda codes: sum(row[t, code] for t, code in enumerate(codes)))
        assert tuple(path) == best


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("classes", SCHEMES.values(), ids=SCHEMES.keys())
def test_no_invalid_path_is_found_whatever_the_numbers(classes, dtype):
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 8, size=300)
    log_proba = rng.normal(scale=100, size=(lengths.sum(), len(classes))).astype(dtype)
    extreme = rng.choice([-np.inf, np.inf, np.nan, -1e38, 0], size=log_proba.shape).astype(dtype)
    log_proba = np.where(rng.random(log_proba.shape) < 0.5, extreme, log_proba)
    path = best_paths(log_proba, lengths, bio_grammar(classes))
    for codes in np.split(path, np.cumsum(lengths)[:-1]):
        assert follows([classes[code] for code in codes], classes)


def test_a_valid_sequence_of_likeliest_labels_stays_as_it_is():
    rng = random.Random(0)
    rows = [rng.choices(BIO, k=rng.randint(1, 6)) for _ in range(200)]
    rows = [tags for tags in rows if follows_bio(tags)]
    codes = np.array([BIO.index(tag) for tags in rows for tag in tags])
    path = best_paths(np.eye(5)[codes], np.array([len(tags) for tags in rows]), bio_grammar(BIO))
    np.testing.assert_array_equal(path, codes)


def test_the_whole_sequence_decides():
    """I-y would be likelier than I-x, but not after B-x, which is certain."""
    log_proba = np.log([[0.98, 0.005, 0.005, 0.005, 0.005], [0.01, 0.01, 0.3, 0.67, 0.01]])
    assert best_paths(log_proba, np.array([2]), bio_grammar(BIO)).tolist() == [0, 2]


def test_rows_do_not_depend_on_each_other():
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 9, size=40)
    log_proba = rng.normal(size=(lengths.sum(), len(BIO)))
    grammar = bio_grammar(BIO)
    alone = [
        best_paths(row, np.array([len(row)]), grammar) for row in np.split(log_proba, np.cumsum(lengths)[:-1])
    ]
    np.testing.assert_array_equal(best_paths(log_proba, lengths, grammar), np.concatenate(alone))


# -- what the sequences tell


def observed(rows):
    classes = sorted({tag for row in rows for tag in row})
    codes = np.array([classes.index(tag) for row in rows for tag in row])
    return classes, observed_grammar(classes, codes, np.array(list(map(len, rows))))


def allows(rows, tags):
    classes, grammar = observed(rows)
    return grammar.allows(np.array([classes.index(tag) for tag in tags]))


IOB1 = [["I-x", "I-x", "O", "I-y"], ["O", "I-x", "B-x", "I-x"], ["I-y", "I-x", "O", "O"]]
IOB2 = [["B-x", "I-x", "O", "B-y"], ["O", "B-x", "B-x", "I-x"], ["B-y", "B-x", "O", "O"]]


def test_entities_of_iob1_begin_with_i_and_b_splits_neighbours():
    assert all(allows(IOB1, row) for row in IOB1)
    assert allows(IOB1, ["O", "I-y", "I-x"])
    assert not allows(IOB1, ["O", "B-x"])
    assert not allows(IOB1, ["B-x"])
    assert not allows(IOB1, ["I-y", "B-x"])


def test_a_kind_that_nothing_splits_is_one_of_iob1_too():
    assert "B-y" not in observed(IOB1)[0]
    assert observed(IOB1)[1] is not None


def test_sequences_of_iob2_have_the_grammar_of_its_labels():
    classes, grammar = observed(IOB2)
    for found, expected in zip(grammar, bio_grammar(classes), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_windows_may_begin_within_an_entity_if_fit_saw_it():
    assert not allows(IOB2, ["I-x", "O"])
    windows = [*IOB2, ["I-x", "O", "B-y"]]
    assert allows(windows, ["I-x", "O"])
    assert not allows(windows, ["O", "I-x"])
    assert not allows([*IOB2, ["I-x", "O"], ["I-y", "O"]], ["B-y", "I-x"])


def test_windows_of_iobes_may_end_within_an_entity():
    rows = [["B-x", "I-x", "E-x", "S-x"], ["O", "B-x", "E-x"]]
    assert not allows(rows, ["O", "B-x"])
    assert allows([*rows, ["O", "B-x"], ["E-x", "O"]], ["E-x", "B-x"])


def test_a_mistake_among_many_entities_is_no_scheme_of_its_own():
    assert not allows([*IOB2 * 20, ["O", "I-x"]], ["O", "I-x"])


def test_sequences_of_two_schemes_are_free():
    assert observed([*IOB1, *IOB2])[1] is None
    assert observed([["I-x", "O", "I-x"]])[1] is None  # without any B


def test_unlabelled_tokens_say_nothing():
    codes = np.array([1, -1, 0, 2, -1, 1])  # I, none, B, O, none, I
    grammar = observed_grammar(["B", "I", "O"], codes, np.array([0, 4, 2]))
    assert grammar.start.tolist() == [True, True, True]
    assert not grammar.transition[2, 1]
