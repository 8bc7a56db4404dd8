import os
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import get_entities

from sklearn_mtl.metrics import entity_f1_score, entity_precision_recall_f1, entity_spans

FOLDER = os.environ.get("SKLEARN_MTL_DATA")
TAGS = ["O", *(f"{prefix}-{kind}" for prefix in "BIES" for kind in ("per", "loc", "a-b"))]
sequences = st.lists(st.sampled_from(TAGS), max_size=12)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([], []),
        (["O", "O"], []),
        (["B-x", "I-x", "O"], [("x", 0, 2)]),
        (["O", "B-x"], [("x", 1, 2)]),
        # adjacent entities
        (["B-x", "B-x"], [("x", 0, 1), ("x", 1, 2)]),
        (["B-x", "I-x", "B-x", "I-x"], [("x", 0, 2), ("x", 2, 4)]),
        (["B-x", "B-y"], [("x", 0, 1), ("y", 1, 2)]),
        # an I- without its B-
        (["I-x", "I-x"], [("x", 0, 2)]),
        (["O", "I-x", "O"], [("x", 1, 2)]),
        # a kind that changes inside
        (["B-x", "I-y"], [("x", 0, 1), ("y", 1, 2)]),
        (["B-x", "I-y", "I-x"], [("x", 0, 1), ("y", 1, 2), ("x", 2, 3)]),
        # begin, inside, end, single
        (["B-x", "I-x", "E-x", "S-x", "E-x"], [("x", 0, 3), ("x", 3, 4), ("x", 4, 5)]),
        (["E-x", "I-x", "I-x"], [("x", 0, 1), ("x", 1, 3)]),
        # tags without a kind, and kinds with a hyphen
        (["B", "I", "O", "I"], [("", 0, 2), ("", 3, 4)]),
        (["B-a-b", "I-a-b"], [("a-b", 0, 2)]),
        # no tag at all
        (["B-x", None, "I-x"], [("x", 0, 1), ("x", 2, 3)]),
        (["B-x", -1], [("x", 0, 1)]),
        (np.array(["B-x", "I-x"]), [("x", 0, 2)]),
    ],
)
def test_entities_of_hand_made_sequences(tags, expected):
    assert entity_spans(tags) == expected


@given(sequences)
def test_entities_are_those_of_a_kept_library(tags):
    assert [(kind, start, stop - 1) for kind, start, stop in entity_spans(tags)] == get_entities(tags)


def test_scores_are_those_of_a_kept_library_on_random_sequences():
    rng = random.Random(0)
    true = [rng.choices(TAGS, k=rng.randint(1, 15)) for _ in range(1000)]
    pred = [[tag if rng.random() < 0.7 else rng.choice(TAGS) for tag in tags] for tags in true]
    expected = precision_score(true, pred), recall_score(true, pred), f1_score(true, pred)
    assert entity_precision_recall_f1(true, pred) == pytest.approx(expected, abs=1e-12)
    for tags, guessed in zip(true, pred, strict=True):
        ours = entity_f1_score([tags], [guessed])
        if entity_spans(tags) and entity_spans(guessed):  # otherwise the library warns
            assert ours == pytest.approx(f1_score([tags], [guessed]), abs=1e-12)
        else:
            assert ours == 0


@pytest.mark.parametrize(
    ("true", "pred", "expected"),
    [
        (["B-x", "I-x"], ["B-x", "I-x"], 1),
        (["B-x", "I-x"], ["I-x", "I-x"], 1),  # the same entity in another notation
        (["B-x", "I-x"], ["B-x", "O"], 0),  # a part is not enough
        (["B-x", "I-x"], ["B-y", "I-y"], 0),
        (["B-x", "B-x"], ["B-x", "I-x"], 0),
        (["B-x", "O", "B-y"], ["B-x", "O", "O"], 2 / 3),
        (["O"], ["O"], 0),
        (["O", "O"], ["B-x", "O"], 0),
        (["B-x", None], ["B-x", "B-y"], 1),  # the true tag is missing
        (["B-x", -1], ["B-x", "I-x"], 1),
    ],
)
def test_scores_of_hand_made_sequences(true, pred, expected):
    assert entity_f1_score([true], [pred]) == pytest.approx(expected)


def test_entities_do_not_go_beyond_their_sequence():
    assert entity_f1_score([["B-x"], ["I-x"]], [["B-x"], ["B-x"]]) == 1
    assert entity_f1_score([["B-x", "I-x"]], [["B-x", "I-x"]]) == 1
    assert entity_precision_recall_f1([["O", "B-x"], ["O"]], [["O", "B-x"], ["I-x"]]) == (0.5, 1, 2 / 3)


def test_weights_are_multiplicities_of_sequences():
    rng = random.Random(1)
    true = [rng.choices(TAGS, k=rng.randint(1, 6)) for _ in range(20)]
    pred = [[tag if rng.random() < 0.6 else rng.choice(TAGS) for tag in tags] for tags in true]
    times = [rng.randint(0, 3) for _ in true]
    repeated = [[tags for tags, n in zip(rows, times, strict=True) for _ in range(n)] for rows in (true, pred)]
    weighted = entity_precision_recall_f1(true, pred, times)
    assert weighted == pytest.approx(entity_precision_recall_f1(*repeated))
    assert weighted != pytest.approx(entity_precision_recall_f1(true, pred))


@given(st.lists(sequences, min_size=1))
def test_every_sequence_is_as_good_as_itself(rows):
    found = any(entity_spans(tags) for tags in rows)
    assert entity_precision_recall_f1(rows, rows) == (found, found, found)


@pytest.mark.parametrize("tag", ["city", "X-city", "b-city", 3, "Other"])
def test_other_tags_are_refused(tag):
    with pytest.raises(ValueError, match=f"as in 'B-city'; got {tag!r}"):
        entity_spans(["O", tag])


def test_sequences_of_different_lengths_are_refused_by_row():
    with pytest.raises(ValueError, match="row 1 has 2 true and 1 predicted tags"):
        entity_f1_score([["O"], ["O", "O"]], [["O"], ["O"]])
    with pytest.raises(ValueError, match="2 true and 1 predicted sequences of tags"):
        entity_f1_score([["O"], ["O"]], [["O"]])


def read_conll(path):
    rows = [[]]
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.strip():
            rows[-1].append(line.rstrip("\r").split("\t")[1])
        else:
            rows.append([])
    return [tags for tags in rows if tags]


@pytest.mark.skipif(FOLDER is None, reason="set SKLEARN_MTL_DATA to the folder of the public data sets")
@pytest.mark.parametrize(("name", "n_entities"), [("emerging.dev.conll", 836), ("emerging.test.annotated", 1079)])
def test_the_labels_of_wnut17_are_as_good_as_themselves(name, n_entities):
    path = Path(FOLDER, "wnut17", name)
    if not path.exists():
        pytest.skip("the folder of SKLEARN_MTL_DATA has no wnut17")
    gold = read_conll(path)
    assert entity_precision_recall_f1(gold, gold) == (1, 1, 1)
    assert sum(len(entity_spans(tags)) for tags in gold) == n_entities
