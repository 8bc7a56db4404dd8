"""Encoding of values as JSON and arrays, and decoding."""

import datetime
import functools
import inspect
import json
import math
import pathlib
import tracemalloc
from collections import OrderedDict
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.base import BaseEstimator
from sklearn.preprocessing import StandardScaler

from sklearn_mtl import architectures, penalties, sampling, tasks, trunks, weighting
from sklearn_mtl.architectures import MMoE
from sklearn_mtl.exceptions import ModelFileError
from sklearn_mtl.persistence._decode import Decoder, memory_of, parse
from sklearn_mtl.persistence._encode import DEEPEST, Encoder
from sklearn_mtl.persistence._known import CONTAINERS, SCORERS, Registry, known_classes
from sklearn_mtl.persistence._tensors import load_tensors, tensor_pieces
from sklearn_mtl.tasks import Classification
from sklearn_mtl.tasks._bio import Grammar
from sklearn_mtl.trunks import MLP

from .watching import watched

ROOMS = (trunks, tasks, architectures, weighting, penalties, sampling)
TRUSTED: tuple = (StandardScaler,)


def no_step(name):
    raise AssertionError(f"{name} was asked for")


def written(value, trusted=()):
    """Return the text and the tensors that encode a value."""
    encoder = Encoder(Registry(trusted))
    text = json.dumps(encoder.encode(value, "here"), allow_nan=False).encode("ascii")
    return text, b"".join(map(bytes, tensor_pieces(encoder.tensors)))


def read(text, tensors=b"", trusted=(), size=10**6):
    arrays = load_tensors(tensors) if tensors else {}
    decoder = Decoder(Registry(trusted), arrays, no_step, size, 10**6)
    value = decoder.decode(parse(text))
    assert decoder.unused == []
    return value


def back(value, trusted=()):
    return read(*written(value, trusted), trusted)


def assert_equal(one, other):
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        if one.dtype == object:
            assert_equal(one.ravel().tolist(), other.ravel().tolist())
        else:
            assert one.tobytes() == other.tobytes()
    elif isinstance(one, np.generic):
        assert one.dtype == other.dtype
        if one.dtype.kind not in "fc" or not np.isnan(one):
            assert_equal(np.atleast_1d(one), np.atleast_1d(other))
    elif isinstance(one, dict):
        assert_equal(list(one), list(other))  # the order counts
        assert_equal(list(one.values()), list(other.values()))
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for entry, entry_of_other in zip(one, other, strict=True):
            assert_equal(entry, entry_of_other)
    elif isinstance(one, float) and math.isnan(one):
        assert math.isnan(other)
    elif isinstance(one, float):
        assert (one, math.copysign(1, one)) == (other, math.copysign(1, other))
    else:
        assert one == other


ANY_TEXT = st.text(st.characters())  # halves of characters too
NUMBERS = hnp.boolean_dtypes() | hnp.integer_dtypes() | hnp.unsigned_integer_dtypes() | hnp.floating_dtypes()
DTYPES = (
    NUMBERS.filter(lambda dtype: dtype.itemsize <= 8)
    | hnp.complex_number_dtypes(sizes=(64, 128))
    | hnp.unicode_string_dtypes(max_len=5)
    | hnp.byte_string_dtypes(max_len=5)
    | hnp.datetime64_dtypes()
    | hnp.timedelta64_dtypes()
)
ARRAYS = DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0)))
SCALARS = DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, ())).map(lambda array: array[()])
KEYS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT | st.tuples(ANY_TEXT)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.binary() | ARRAYS | SCALARS
COLUMNS = st.floats() | st.integers() | st.booleans() | ANY_TEXT
RECORDS = st.lists(st.fixed_dictionaries({"a": COLUMNS, "b": st.floats(), "c": st.integers()}), max_size=4)


def nested(values):
    objects = st.lists(values, max_size=4).map(as_objects)
    return (
        st.lists(values, max_size=4)
        | st.lists(values, max_size=4).map(tuple)
        | st.dictionaries(KEYS, values, max_size=4)
        | st.sets(KEYS, max_size=4)
        | st.frozensets(KEYS, max_size=4)
        | objects
        | RECORDS
    )


def as_objects(values):
    array = np.empty(len(values), dtype=object)
    for number, value in enumerate(values):
        array[number] = value
    return array


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.recursive(LEAVES, nested, max_leaves=12))
def test_every_value_comes_back(value):
    assert_equal(back(value), value)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=80) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["tuple", "dict", "set", "object", "tensor", "objects", "scalar", "int", "dtype", "slice",
                         "named", "random_state", "metadata_request", "named_tuple", "x"]), inner, max_size=1),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_what_nobody_wrote_raises_an_error_or_is_a_value(text):
    try:
        read(text)
    except (AssertionError, SystemError):
        raise
    except Exception:
        return


SPECIAL = [
    2**63, -(2**63), 2**63 - 1, 10**400, -0.0, math.inf, -math.inf, "\ud83d\ude00", "\ud83d" + "\ude00", "😀",
    slice(1, None, -1), pathlib.Path("a") / "b", np.dtype("<f8"), np.dtype("O"), np.dtype("<M8[ns]"),
    torch.device("cuda:3"), torch.device("mps"), np.dtype(">m8[25s]"),
    np.dtype(np.longdouble), np.float32(0.1), np.str_("ü"), np.bytes_(b"a"), np.datetime64("NaT"),
    np.timedelta64(3, "s"), np.complex64(1j), np.bool_(True), np.array("abc"), np.zeros((0, 3), "<U4"),
    np.zeros((2, 2), order="F"), np.arange(10)[::2], np.array([1.0], ">f8"), np.array(["a"], ">U3"),
    [{"a": 1.0, "b": 2}, {"a": np.nan, "b": 3}], [{"a": 1}, {"a": 2**70}], [{"a": True}, {"a": 1.0}],
    [{"a": 1, "b": 2}, {"b": 2, "a": 1}], [{}, {}], [{1: 2}, {1: 3}], [{"a": -0.0}, {"a": [1]}],
    [{"a": 1}, {"b": 1}], [{"\ud83d": 1}, {"\ud83d": 2}],
    {"tuple": [1]}, {1: "a", "1": "b", (1, 2): None, None: 0, True if False else 2.5: []},
    set, np.float64, np.number, torch.optim.SGD, torch.nn.ReLU, np.tanh, torch.bfloat16, Decimal("-1.50"),
    datetime.date(2020, 2, 29), datetime.datetime(2020, 2, 29, 1, 2, 3, 4),
    pd.Timestamp("2020-02-29 01:02:03.000000004"),
    pd.Interval(0.5, 2, closed="left"), pd.Interval(pd.Timestamp("2020"), pd.Timestamp("2021")),
    OrderedDict(b=1, a=[OrderedDict()]),
    np.array([None, "a", [1, 2], np.nan], dtype=object), np.array([[None, 1], ["a", 2.0]], dtype=object),
]  # fmt: skip


@pytest.mark.parametrize("value", SPECIAL, ids=lambda value: ascii(value)[:30])
def test_special_values_come_back(value):
    if isinstance(value, np.ndarray):
        value_in_order = np.ascontiguousarray(value).reshape(value.shape)
        assert_equal(back(value), value_in_order)
    else:
        assert_equal(back(value), value)


@pytest.mark.parametrize("labels", [["a", "b"], [1, 2], [0.5, np.nan], ["a", 1], [True, False]])
def test_index_comes_back(labels):
    index = pd.Index(labels, name="name")
    pd.testing.assert_index_equal(back(index), index, exact=True)


def test_partial_function_comes_back():
    partial = functools.partial(torch.nn.Linear, 3, bias=False)
    loaded = back(partial)
    assert (loaded.func, loaded.args, loaded.keywords) == (torch.nn.Linear, (3,), {"bias": False})


def test_random_state_comes_back():
    state = np.random.RandomState(3)
    state.normal(size=3)
    loaded = back({"a": state})["a"]
    np.testing.assert_array_equal(loaded.normal(size=5), state.normal(size=5))


@pytest.mark.parametrize("position", [-1, 625, 10**6])
def test_random_state_that_would_read_beyond_its_numbers_is_refused(position):
    text, tensors = written(np.random.RandomState(3))
    assert b", 624, " in text
    with pytest.raises(ValueError, match="the position of a generator is invalid"):
        read(text.replace(b", 624, ", f", {position}, ".encode()), tensors)


def test_objects_come_back():
    spec = MMoE(n_experts=3)
    assert back(spec).get_params() == spec.get_params()
    grammar = Grammar(np.array([True]), np.array([[True]]), np.array([False]))
    assert_equal(back(grammar), grammar)
    scaler = StandardScaler().fit(np.arange(6.0).reshape(3, 2))
    assert_equal(vars(back(scaler, TRUSTED)), vars(scaler))


def test_equal_values_are_written_alike():
    many = {f"key {number}" for number in range(30)}
    assert written(many) == written(set(sorted(many)))


def test_deep_nesting_is_refused():
    value: list = []
    for _ in range(DEEPEST - 1):
        value = [value]
    assert_equal(back(value), value)
    with pytest.raises(TypeError, match="nested too deeply"):
        written([[[value]]])
    with pytest.raises((ModelFileError, RecursionError)):
        read(b'{"tuple":[' * 150 + b"]}" * 150)
    with pytest.raises((ModelFileError, RecursionError)):
        read(b"[" * 100_000 + b"]" * 100_000)


BAD = {
    "two entries": b'{"tuple": [], "set": []}',
    "no entry": b"{}",
    "one entry twice": b'{"tuple": [], "tuple": []}',
    "unknown entry": b'{"import": "os"}',
    "not a number": b"NaN",
    "infinite": b"[Infinity]",
    "no text": b'"\xff"',
    "nothing": b"",
    "odd dict": b'{"dict": [1]}',
    "dict with a key twice": b'{"dict": [1, 2, 1, 3]}',
    "key that cannot be hashed": b'{"dict": [[], 2]}',
    "no list": b'{"tuple": 3}',
    "absent tensor": b'{"tensor": ["a", "<f4"]}',
    "other shape": b'{"objects": [[2], [1, 2, 3]]}',
    "huge shape": b'{"objects": [[1000000000000], [1]]}',
    "dtype that is another one": b'{"dtype": "f8,f8"}',
    "dtype by a name": b'{"dtype": "float64"}',
    "dtype of none": b'{"dtype": null}',
    "dtype with a shape": b'{"dtype": "(2,)<f8"}',
    "dtype of a unit that is none": b'{"dtype": "<M8[parsec]"}',
    "scalar of bytes by their number": b'{"scalar": {"tuple": ["|S1", 1000000000000]}}',
    "scalar of another kind": b'{"scalar": {"tuple": ["<f8", "1"]}}',
    "object as a scalar": b'{"scalar": {"tuple": ["|O", 1]}}',
    "torch's dtype that is none": b'{"torch_dtype": "torch.load"}',
    "labels of a dtype that is none": b'{"index": {"tuple": [[1], "i4,i4", null]}}',
    "interval that is none": b'{"interval": {"tuple": [2, 1, "right"]}}',
    "date that is none": b'{"date": "yesterday"}',
    "partial function of none": b'{"partial": [1, [], {"dict": []}]}',
    "partial function with other keywords": b'{"partial": [{"named": "torch.nn.Linear"}, [], []]}',
    "partial function of what is not known": b'{"partial": [{"named": "os.system"}, ["true"], {"dict": []}]}',
    "device that is none": b'{"device": "os.system"}',
    "device without its number": b'{"device": "cuda:"}',
    "unknown class": b'{"object": ["os.system", {"dict": []}]}',
    "unknown function": b'{"named": "os.system"}',
    "instance of a builtin": b'{"object": ["builtins.object", {"dict": []}]}',
    "class of ours as a value": b'{"named": "sklearn_mtl.trunks.MLP"}',
    "module": b'{"object": ["sklearn_mtl.trunks._Stem", {"dict": []}]}',
    "state that is no dict": b'{"object": ["sklearn_mtl.trunks.MLP", [1]]}',
    "attribute that is no text": b'{"object": ["sklearn_mtl.trunks.MLP", {"dict": [1, 2]}]}',
    "method": b'{"object": ["sklearn_mtl.trunks.MLP", {"dict": ["encode", 2]}]}',
    "property": b'{"object": ["sklearn_mtl.trunks.SequenceEncoder", {"dict": ["not_stackable", 2]}]}',
    "hidden attribute": b'{"object": ["sklearn_mtl.trunks.MLP", {"dict": ["__class__", 2]}]}',
    "huge layer": b'{"object": ["sklearn_mtl.trunks.SequenceEncoder", {"dict": ["n_layers", 1000000000]}]}',
    "huge layers": b'{"object": ["sklearn_mtl.trunks.MLP", {"dict": ["hidden_sizes", [4, 1000000000]]}]}',
    "records of other lengths": b'{"records": [["a", "b"], [[1, 2], [1]]]}',
    "records with other keys": b'{"records": [["a"], [[1, 2], [1, 2]]]}',
    "records with a key twice": b'{"records": [["a", "a"], [[1, 2], [1, 2]]]}',
    "records with keys that are no text": b'{"records": [[1], [[1, 2]]]}',
    "records without columns": b'{"records": [[], []]}',
    "tuple with too few entries": b'{"named_tuple": ["sklearn_mtl.tasks.Grammar", [1]]}',
    "tuple that is none": b'{"named_tuple": ["sklearn_mtl.trunks.MLP", []]}',
    "object that is a tuple": b'{"object": ["sklearn_mtl.tasks.Grammar", {"dict": []}]}',
    "method of metadata": b'{"metadata_request": {"tuple": ["a", {"dict": ["__init__", {"dict": ["x", true]}]}]}}',
    "long integer": b"1" * 5000,
    "bytes that are none": b'{"bytes": "%%%"}',
    "name that is no text": b'{"object": [[], {"dict": []}]}',
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_what_is_not_ours_is_refused(text):
    with pytest.raises((ModelFileError, ValueError, TypeError, KeyError)):
        read(text)


@pytest.mark.parametrize(
    "name", ["1,f8", "f8,f8", "(1,2)f8", "i4, (2,2)f8", "print(1),f8", "{'a': 1}", "<f8[1]", "f8;"]
)
def test_no_text_reaches_the_parser_of_numpy(name):
    with watched() as seen, pytest.raises(ValueError, match="a dtype is invalid"):
        read(json.dumps({"dtype": name}).encode())
    assert seen == []


TENSORS = {"a": np.arange(6, dtype=np.uint32).reshape(2, 3)}


@pytest.mark.parametrize("dtype", ["<U2", "<U4", "<i4", "<f4", "<M8", "|S3", "<U1000000000", "|O", "<f16", "V8"])
def test_array_is_not_read_as_another_one(dtype):
    tensors = b"".join(map(bytes, tensor_pieces(TENSORS)))
    with pytest.raises((ModelFileError, ValueError, TypeError, KeyError)):
        read(json.dumps({"tensor": ["a", dtype]}).encode(), tensors)


def test_array_of_text_holds_text():
    tensors = b"".join(map(bytes, tensor_pieces({"a": np.array([[0x110000]], np.uint32)})))
    with pytest.raises(ValueError, match="invalid text"):
        read(b'{"tensor": ["a", "<U1"]}', tensors)


def test_records_take_no_more_memory_than_there_is_room_for():
    records = [{"a": 1.0}] * 10_000
    assert_equal(back(records[:1000]), records[:1000])
    with pytest.raises(ModelFileError, match="too much memory"):
        back(records)


def parsed_and_decoded(text):
    values = [parse(text)]
    if not text.startswith(b'[{"a"'):
        values.append(Decoder(Registry(), {}, no_step, 10, 10).decode(values[0]))
    return values


@pytest.mark.parametrize(
    "text",
    [
        b"[" + b"[]," * 30_000 + b"1]",
        b"[" + b'{"a":0},' * 10_000 + b"1]",
        b"[" + b"1.5," * 40_000 + b"1]",
        b'{"dict":[' + b",".join(b'"%d",%d' % (i, i + 300) for i in range(10_000)) + b"]}",
        b"[" + b'"' + b"ab[,{" * 10_000 + b'"]',
        b"[" + b'"\\"",' * 10_000 + b"1]",
        b"[" * 50 + b"]" * 50,
    ],
    ids=["lists", "objects", "numbers", "dict", "text", "short texts", "nested"],
)
def test_memory_of_json_is_estimated_from_above(text):
    assert memory_of(text) < 1000 + 420 * len(text)
    parsed_and_decoded(text)  # the first use of code takes memory that is kept
    tracemalloc.start()
    try:
        values = parsed_and_decoded(text)
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert all(values)
    assert taken < memory_of(text)


def test_what_is_within_texts_does_not_count():
    assert memory_of(b'["[[[[,,,,"]') == memory_of(b'["........"]')
    assert memory_of(rb'["\"[,\\",[]]') == memory_of(rb'["......",[]]')
    long = b'"' + b"[" * 200_000 + b'"'
    assert memory_of(b"[%s,[]]" % long) == memory_of(b"[%s,[]]" % long.replace(b"[", b"."))


def test_array_is_used_once():
    tensors = b"".join(map(bytes, tensor_pieces(TENSORS)))
    with pytest.raises(ModelFileError, match="used twice"):
        read(b'[{"tensor": ["a", "<u4"]}, {"tensor": ["a", "<u4"]}]', tensors)


def test_numbers_of_units_are_limited_by_the_size_of_the_file():
    assert back(MMoE(n_experts=5)).n_experts == 5
    text, tensors = written(MLP((70_000,)))
    assert read(text, tensors, size=4 * 70_000).hidden_sizes == (70_000,)
    with pytest.raises(ModelFileError, match="hidden_sizes of MLP is 70000, which is too large for its arrays"):
        read(text, tensors, size=1000)
    task = Classification(classes=[10**12, 1]).fit(np.array([1, 10**12]))
    assert back(task).classes == [10**12, 1]
    task.n_elements_ = 10**9
    with pytest.raises(ModelFileError, match="n_elements_ of Classification is 1000000000, which is too large"):
        back(task)


def test_classes_are_known_by_names_that_do_not_depend_on_files():
    known = known_classes()
    assert known["sklearn_mtl.trunks.MLP"] is MLP
    assert not [name for name in known if name.startswith("sklearn_mtl") and "._" in name]
    assert not [cls for cls in known.values() if issubclass(cls, torch.nn.Module | BaseException)]
    others = {name for name, cls in known.items() if not cls.__module__.startswith("sklearn_mtl.")}
    of_estimators = {*CONTAINERS, *SCORERS, "sklearn.compose.make_column_selector"}
    splitters = others - of_estimators
    assert {"KFold", "GroupShuffleSplit", "TimeSeriesSplit"} <= {name.rpartition(".")[2] for name in splitters}
    assert all(hasattr(known[name], "split") for name in splitters)
    assert of_estimators <= others


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__)
def test_everything_that_is_exported_is_known(room):
    """New classes of a subpackage are saved without a new line here."""
    exported = [getattr(room, name) for name in room.__all__]
    specs = [cls for cls in exported if isinstance(cls, type) and issubclass(cls, BaseEstimator)]
    concrete = [cls for cls in specs if not inspect.isabstract(cls)]
    assert concrete
    assert all(Registry().is_known(cls) for cls in concrete)


def test_safetensors_of_others_and_ours_are_the_same():
    from safetensors import numpy as safetensors

    integers = [f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)]
    names = ["bool", *integers, "float16", "float32", "float64"]
    arrays = {name: np.arange(6).astype(name).reshape(2, 3) for name in names}
    arrays |= {"none": np.zeros((0, 3)), "scalar": np.array(1.5), "ä \"'": np.zeros(1)}
    ours = b"".join(map(bytes, tensor_pieces(arrays)))
    for name, array in safetensors.load(ours).items():
        assert_equal(array, arrays[name])
    for name, array in load_tensors(safetensors.save(arrays)).items():
        assert_equal(array, arrays[name])
