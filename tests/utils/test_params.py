import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from sklearn_mtl.utils._params import NestedParamsMixin, SpecList, resolve_spec


class Spec(BaseEstimator):
    def __init__(self, size=1, inner=None):
        self.size = size
        self.inner = inner


def as_spec(value):
    return resolve_spec("spec", value, Spec, {"small": Spec, "large": lambda: Spec(size=100)})


class Host(NestedParamsMixin, BaseEstimator):
    mapping_params = ("weights",)
    spec_mapping_params = {"parts": as_spec}
    spec_params = {"trunk": as_spec}

    def __init__(self, weights=None, parts=None, trunk="small", rate=0.1):
        self.weights = weights
        self.parts = parts
        self.trunk = trunk
        self.rate = rate


def host():
    return Host(weights={"a": 1.0, "b__c": 2.0}, parts={"a": Spec(3), "a__b": Spec(4), "c": "large"})


def test_entries_are_listed_with_their_own_parameters():
    params = host().get_params()
    assert params["weights__a"] == 1.0
    assert params["weights__b__c"] == 2.0
    assert params["parts__c"] == "large"
    assert params["parts__a__size"] == 3
    assert params["parts__a__b__size"] == 4


def test_shallow_parameters_are_those_of_the_constructor():
    assert set(host().get_params(deep=False)) == {"weights", "parts", "trunk", "rate"}


def test_classes_and_none_have_no_parameters_inside():
    assert set(Host(parts={"a": Spec}).get_params()) == {*Host().get_params(), "parts__a"}


@pytest.mark.parametrize("name", ["weights__a", "weights__b__c", "weights__new", "parts__a", "parts__a__size",
                                  "parts__a__b__size", "parts__a__inner", "rate", "trunk"])  # fmt: skip
def test_what_is_set_is_got(name):
    assert host().set_params(**{name: "value"}).get_params()[name] == "value"


@pytest.mark.parametrize(
    ("name", "value"), [("weights__a", 9.0), ("weights__new", 9.0), ("parts__a__size", 9), ("parts__c__size", 9)]
)
def test_mappings_and_specs_of_the_caller_are_not_written_to(name, value):
    mine = host()
    weights, parts = dict(mine.weights), dict(mine.parts)
    sizes = {key: getattr(part, "size", None) for key, part in parts.items()}
    given_weights, given_parts = mine.weights, mine.parts
    mine.set_params(**{name: value})
    assert given_weights == weights
    assert given_parts == parts
    assert {key: getattr(part, "size", None) for key, part in given_parts.items()} == sizes


def test_untouched_entries_stay_the_same_objects():
    mine = host()
    part = mine.parts["a__b"]
    assert mine.set_params(parts__a__size=9).parts["a__b"] is part


def test_shorthand_becomes_a_spec_when_its_parameter_is_set():
    mine = host().set_params(parts__c__inner="x", trunk__inner="y")
    assert (mine.parts["c"].size, mine.parts["c"].inner) == (100, "x")
    assert (mine.trunk.size, mine.trunk.inner) == (1, "y")


def test_longest_name_of_an_entry_wins():
    mine = host().set_params(parts__a__b__size=9)
    assert mine.parts["a__b"].size == 9
    assert mine.parts["a"].size == 3


def test_order_of_names_does_not_matter():
    values = {"weights": {"z": 5.0}, "weights__a": 7.0, "parts": {"a": "small"}, "parts__a": "large",
              "parts__a__inner": "x", "trunk__size": 8, "trunk": "large"}  # fmt: skip
    for params in (values, dict(reversed(values.items()))):
        mine = host().set_params(**params)
        assert mine.weights == {"z": 5.0, "a": 7.0}
        assert (mine.parts["a"].size, mine.parts["a"].inner) == (100, "x")
        assert mine.trunk.size == 8


def test_entries_can_be_set_where_there_was_no_mapping():
    mine = Host().set_params(weights__a=2.0, parts__b="large")
    assert mine.weights == {"a": 2.0}
    assert mine.parts == {"b": "large"}


def test_clone_keeps_entries_but_not_the_mappings():
    mine = host()
    other = clone(mine)
    assert other.weights == mine.weights
    assert other.parts["a"] is not mine.parts["a"]
    assert other.parts["a"].size == 3


def test_nested_in_a_pipeline():
    pipeline = Pipeline([("host", host())]).set_params(host__weights__a=4.0, host__parts__a__size=5)
    assert pipeline.get_params()["host__weights__a"] == 4.0
    assert pipeline.get_params()["host__parts__a__size"] == 5


@pytest.mark.parametrize("name", ["nothing", "nothing__a", "rate__a", "parts__a__nothing", "trunk__nothing"])
def test_unknown_names_are_refused(name):
    with pytest.raises((ValueError, AttributeError)):
        host().set_params(**{name: 1})


# -- sequences of specs


def name_of(entry):
    return entry if isinstance(entry, str) else f"sized_{entry.size}"


class ListHost(NestedParamsMixin, BaseEstimator):
    spec_list_params = {"parts": SpecList(as_spec, name_of)}

    def __init__(self, parts=(), rate=0.1):
        self.parts = parts
        self.rate = rate


def list_host(kind=list):
    return ListHost(parts=kind([Spec(3, inner="x"), "large"]))


sequences = pytest.mark.parametrize("kind", [list, tuple])


@sequences
def test_entries_of_a_sequence_are_listed_by_their_names(kind):
    mine = list_host(kind)
    assert mine.get_params() == {
        "parts": mine.parts,
        "rate": 0.1,
        "parts__sized_3": mine.parts[0],
        "parts__sized_3__size": 3,
        "parts__sized_3__inner": "x",
        "parts__large": "large",
    }
    assert set(mine.get_params(deep=False)) == {"parts", "rate"}


@pytest.mark.parametrize("parts", [(), [], None, "small", 3], ids=repr)
def test_what_has_no_entries_lists_none(parts):
    assert set(ListHost(parts=parts).get_params()) == {"parts", "rate"}


@sequences
@pytest.mark.parametrize("name", ["parts__sized_3__inner", "parts__sized_3", "parts__large"])
def test_what_is_set_in_a_sequence_is_got(kind, name):
    value = "value" if name.endswith("inner") else Spec(7)
    mine = list_host(kind).set_params(**{name: value})
    got = mine.get_params()[name if name.endswith("inner") else "parts__sized_7"]
    assert got is value


@sequences
@pytest.mark.parametrize(
    ("name", "value"), [("parts__sized_3__inner", "y"), ("parts__sized_3", "small"), ("parts__large__inner", "y")]
)
def test_sequences_of_the_caller_are_not_written_to(kind, name, value):
    mine = list_host(kind)
    given, before = mine.parts, list(mine.parts)
    mine.set_params(**{name: value})
    assert mine.parts is not given
    assert list(given) == before
    assert (given[0].size, given[0].inner) == (3, "x")


def test_untouched_entries_of_a_sequence_stay_the_same_objects():
    mine = list_host()
    part = mine.parts[0]
    mine.set_params(parts__large__inner="y")
    assert mine.parts[0] is part
    assert (mine.parts[1].size, mine.parts[1].inner) == (100, "y")


def test_order_of_names_does_not_matter_in_a_sequence():
    values = {"parts": ["small", "large"], "parts__large__inner": "y", "rate": 0.5}
    for params in (values, dict(reversed(values.items()))):
        mine = ListHost().set_params(**params)
        assert mine.parts[0] == "small"
        assert mine.parts[1].inner == "y"
        assert mine.rate == 0.5


def test_clone_keeps_entries_but_not_the_sequence():
    mine = list_host()
    other = clone(mine)
    assert other.parts is not mine.parts
    assert other.parts[0] is not mine.parts[0]
    assert other.parts[0].size == 3


def test_nested_sequence_in_a_pipeline():
    pipeline = Pipeline([("host", list_host())]).set_params(host__parts__sized_3__inner="y")
    assert pipeline.get_params()["host__parts__sized_3__inner"] == "y"


@pytest.mark.parametrize("name", ["parts__huge", "parts__huge__size", "parts__sized_3__nothing", "parts__0"])
def test_unknown_names_in_a_sequence_are_refused(name):
    with pytest.raises(ValueError, match=name.split("__")[-1]):
        list_host().set_params(**{name: 1})


def test_the_names_that_there_are_come_with_the_refusal():
    with pytest.raises(ValueError, match=r"parts has no entry 'huge' .* it has \['sized_3', 'large'\]"):
        list_host().set_params(parts__huge__size=1)


# -- specs and shorthands


def test_a_spec_stays_and_a_shorthand_is_built_anew():
    spec = Spec()
    assert as_spec(spec) is spec
    assert as_spec("large").size == 100
    assert as_spec("large") is not as_spec("large")


@pytest.mark.parametrize("value", ["huge", None, 3, Spec, ["small"]])
def test_other_values_are_refused_with_what_there_is(value):
    with pytest.raises(ValueError, match=r"spec=.* should be a Spec or one of \['large', 'small'\]"):
        as_spec(value)
