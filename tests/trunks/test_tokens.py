import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_mtl.trunks._tokens import FIRST, N_CHARACTERS, PADDING, UNKNOWN, Vocabulary, rows_of, token_lists

ROWS = [["Play", "some", "jazz"], ["play"], ["jazz", "?"]]


def as_objects(rows):
    array = np.empty(len(rows), dtype=object)
    array[:] = rows
    return array


def vocabulary(rows=ROWS, min_count=1, lowercase=True, known=()):
    return Vocabulary(min_count, lowercase, known).fit(rows)


# -- rows

CONTAINERS = {
    "list": list,
    "tuple": tuple,
    "list of arrays": lambda rows: [np.array(row) for row in rows],
    "list of tuples": lambda rows: [tuple(row) for row in rows],
    "object array": as_objects,
    "column": lambda rows: as_objects(rows)[:, None],
    "pandas": pd.Series,
    "pandas with an index": lambda rows: pd.Series(rows, index=[7, 7, 3]),
    "pandas frame": lambda rows: pd.DataFrame({"text": rows}),
    "polars": pl.Series,
    "polars frame": lambda rows: pl.DataFrame({"text": rows}),
}


@pytest.mark.parametrize("wrap", CONTAINERS.values(), ids=CONTAINERS.keys())
def test_rows_of_every_container_are_the_same(wrap):
    assert [list(row) for row in token_lists(rows_of(wrap(ROWS)))] == ROWS


@pytest.mark.parametrize("wrap", [list, np.array, as_objects, pd.Series, pl.Series, CONTAINERS["polars frame"]])
def test_strings_are_split_on_white_space(wrap):
    assert token_lists(rows_of(wrap(["Play  some jazz ", "play", "jazz\t?"]))) == ROWS


def test_a_rectangle_of_tokens_is_rows_of_tokens():
    assert token_lists(rows_of(np.array([["a", "b"], ["c", "d"]]))) == [["a", "b"], ["c", "d"]]


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("play", TypeError, "should be a list"),
        ({"text": ["play"]}, TypeError, "should be a list"),
        (3, TypeError, "should be a list"),
        (np.array("play"), TypeError, "should be a list"),
        ([], ValueError, "0 samples"),
        (np.empty(0, dtype=object), ValueError, "0 samples"),
        (pd.DataFrame({"a": ["x"], "b": ["y"]}), ValueError, r"columns \['a', 'b'\].*one column"),
        ([["a"], None], TypeError, "row 1 of X is None"),
        (pd.Series(["a", None]), TypeError, "row 1 of X is"),
        ([["a"], 3], TypeError, "row 1 of X is 3"),
        ([["a"], {"b"}], TypeError, "row 1 of X is {'b'}"),
        ([["a"], np.array([["b"]])], TypeError, "row 1 of X is array"),
    ],
)
def test_other_rows_are_refused(X, error, message):
    with pytest.raises(error, match=message):
        token_lists(rows_of(X))


@pytest.mark.parametrize("token", [3, None, float("nan"), b"b", ["b"]])
def test_tokens_that_are_no_text_are_refused(token):
    message = "row 1 of X has the token .*; a token should be a str"
    with pytest.raises(TypeError, match=message):
        vocabulary([["a"], ["b", token]])
    with pytest.raises(TypeError, match=message):
        vocabulary().encode([["a"], ["b", token]])


# -- words


def test_words_are_numbered_in_alphabetical_order():
    words = vocabulary()
    assert words.words_ == {"?": FIRST, "jazz": FIRST + 1, "play": FIRST + 2, "some": FIRST + 3}
    assert words.counts_.tolist() == [0, 0, 1, 2, 2, 1]


def test_the_order_of_rows_does_not_matter():
    assert vocabulary(ROWS[::-1]).words_ == vocabulary().words_


def test_words_that_were_not_seen_are_unknown():
    codes = vocabulary().encode([["jazz", "rock", "JAZZ"], ["Some"]])
    assert codes.words.tolist() == [FIRST + 1, UNKNOWN, FIRST + 1, FIRST + 3]
    assert codes.lengths.tolist() == [3, 1]


def test_case_tells_words_apart_on_request():
    assert set(vocabulary(lowercase=False).words_) == {"?", "Play", "jazz", "play", "some"}


def test_rare_words_are_unknown_and_forms_of_one_word_count_together():
    assert set(vocabulary(min_count=2).words_) == {"jazz", "play"}


def test_given_words_are_known_however_rare():
    words = vocabulary(min_count=2, known=["Rock", "rock", "some"])
    assert set(words.words_) == {"jazz", "play", "rock", "some"}
    assert words.counts_[words.words_["rock"]] == 0


# -- characters


def spelling(words, token):
    codes = words.encode([[token]]).characters[0]
    known = {code: chr(point) for code, point in enumerate(words.code_points_, start=FIRST)}
    return "".join({PADDING: "", UNKNOWN: "*", **known}[code] for code in codes)


@pytest.mark.parametrize("token", ["Play", "play", "?", "jazz"])
def test_characters_keep_their_case(token):
    assert spelling(vocabulary(), token) == token


def test_characters_that_were_not_seen_are_unknown():
    assert spelling(vocabulary(), "PAéz😀") == "P**z*"


def test_of_a_long_token_both_ends_are_looked_at():
    token = "abcdefghijklmnopqrstuvwxyz"
    assert spelling(vocabulary([[token]]), token) == token[: N_CHARACTERS // 2] + token[-N_CHARACTERS // 2 :]
    assert spelling(vocabulary([[token]]), token[:N_CHARACTERS]) == token[:N_CHARACTERS]


@pytest.mark.parametrize(("n_characters", "dtype"), [(200, np.uint8), (300, np.int32)])
def test_characters_take_a_byte_where_they_fit(n_characters, dtype):
    alphabet = [chr(0x4E00 + number) for number in range(n_characters)]
    words = vocabulary([alphabet])
    assert words.encode([alphabet]).characters.dtype == dtype
    assert [spelling(words, character) for character in alphabet] == alphabet


@pytest.mark.parametrize("token", ["", "\ud800", "👩‍👩‍👧", "\x00"])
def test_odd_text_is_spelled(token):
    assert spelling(vocabulary([[token, "a"]]), token) == token


def test_a_vocabulary_of_empty_tokens_knows_no_character():
    assert spelling(vocabulary([[""]]), "ab") == "**"


def test_tokens_are_encoded_as_each_is_alone():
    rng = np.random.default_rng(0)
    rows = [["".join(rng.choice(list("abAB?"), size=rng.integers(1, 6))) for _ in range(n)] for n in (3, 1, 7)]
    words = vocabulary(rows[:2])
    together, alone = words.encode(rows), [words.encode([[token]]) for row in rows for token in row]
    np.testing.assert_array_equal(together.words, np.concatenate([codes.words for codes in alone]))
    np.testing.assert_array_equal(together.characters, np.concatenate([codes.characters for codes in alone]))
