"""Nested parameters: entries of a mapping and parameters of specs, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from sklearn.base import BaseEstimator, clone

from ._constraints import ArrayLike, HasMethods, Interval, Options, Splitter, StrOptions, SubclassOf
from ._same import is_spec

__all__ = [
    "ArrayLike",
    "HasMethods",
    "Interval",
    "NestedParamsMixin",
    "Options",
    "SpecList",
    "Splitter",
    "StrOptions",
    "SubclassOf",
    "resolve_spec",
    "validate_spec",
]


class SpecList:
    """Access to the entries of a sequence of specs by name; changes are made in copies.

    Parameters
    ----------
    resolve : callable
        Resolves a shorthand to a spec.
    name_of : callable
        Returns the name of an entry.
    """

    def __init__(self, resolve: Callable[[Any], Any], name_of: Callable[[Any], str]) -> None:
        self.resolve = resolve
        self.name_of = name_of

    def names(self, entries: Sequence[Any]) -> list[str]:
        """Return the names of the entries."""
        return [self.name_of(entry) for entry in entries]

    def read(self, entry: Any) -> Any:
        """Return the parameter value of an entry."""
        return entry

    def replaced(self, entries: Sequence[Any], name: str, value: Any) -> list[Any]:
        """Return the entries with the one of a name replaced."""
        return [
            value if known == name else entry for known, entry in zip(self.names(entries), entries, strict=True)
        ]

    def with_param(self, entries: Sequence[Any], name: str, param: str, to: Any) -> list[Any]:
        """Return the entries with a parameter of one entry changed."""
        value = dict(zip(self.names(entries), map(self.read, entries), strict=True))[name]
        return self.replaced(entries, name, self.changed(value, param, to))

    def changed(self, value: Any, param: str, to: Any) -> Any:
        """Return the value of an entry with one of its parameters changed."""
        return clone(self.resolve(value)).set_params(**{param: to})


class NestedParamsMixin:
    """Support nested parameters of mappings and specs in ``get_params`` and ``set_params``.

    Class attributes list the parameters of each form:

    - ``mapping_params``: mappings to plain values (``task_weights__a``);
    - ``spec_mapping_params``: mappings to specs (``tasks__a__loss``), with the function that resolves a shorthand;
    - ``spec_params``: one spec or its shorthand (``trunk__dropout``), with the function that resolves it;
    - ``spec_list_params``: sequences of named specs (``penalties__trace_norm__strength``), with a `SpecList`.

    The caller's mappings and sequences are never changed.
    """

    mapping_params: ClassVar[tuple[str, ...]] = ()
    spec_mapping_params: ClassVar[dict[str, Callable[[Any], BaseEstimator]]] = {}
    spec_params: ClassVar[dict[str, Callable[[Any], BaseEstimator]]] = {}
    spec_list_params: ClassVar[dict[str, SpecList]] = {}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, with ``deep=True`` also those inside mappings and specs.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include nested parameters.

        Returns
        -------
        dict of str to object
        """
        params: dict[str, Any] = super().get_params(deep=deep)  # type: ignore[misc]
        if not deep:
            return params
        for name in (*self.mapping_params, *self.spec_mapping_params, *self.spec_list_params):
            for key, entry in self._entries(name, params[name]).items():
                params[f"{name}__{key}"] = entry
                if is_spec(entry):
                    nested = entry.get_params(deep=True)
                    params |= {f"{name}__{key}__{inner}": item for inner, item in nested.items()}
        return params

    def _entries(self, name: str, value: Any) -> Mapping[str, Any]:
        """Return the entries of a mapping, or of a sequence by their names."""
        if isinstance(value, Mapping):
            return value
        if name in self.spec_list_params and isinstance(value, list | tuple):
            spec_list = self.spec_list_params[name]
            return dict(zip(spec_list.names(value), map(spec_list.read, value), strict=True))
        return {}

    def set_params(self, **params: Any) -> Any:
        """Set parameters by name; ``task_weights__a`` sets one entry of ``task_weights``.

        Parameters
        ----------
        **params : dict
            New values. Whole mappings and specs are set before their entries.

        Returns
        -------
        self
        """
        nested = {name: value for name, value in params.items() if self._is_ours(name)}
        super().set_params(**{k: v for k, v in params.items() if k not in nested})  # type: ignore[misc]
        # a shorter name first: tasks__a, then tasks__a__loss
        for name in sorted(nested, key=len):
            outer, _, inner = name.partition("__")
            if outer in self.mapping_params:
                setattr(self, outer, {**(getattr(self, outer) or {}), inner: nested[name]})
            elif outer in self.spec_mapping_params:
                self._set_in_spec_mapping(outer, inner, nested[name])
            elif outer in self.spec_list_params:
                self._set_in_spec_list(outer, inner, nested[name])
            else:
                self._set_in_spec(outer, inner, nested[name])
        return self

    def _is_ours(self, name: str) -> bool:
        outer, delimiter, _ = name.partition("__")
        ours = (*self.mapping_params, *self.spec_mapping_params, *self.spec_params, *self.spec_list_params)
        return bool(delimiter) and outer in ours

    def _set_in_spec_mapping(self, outer: str, inner: str, value: Any) -> None:
        mapping = dict(getattr(self, outer) or {})
        owners = [key for key in mapping if inner.startswith(f"{key}__")]
        if inner in mapping or not owners:
            # an unknown name stays in the mapping: fit rejects it, because only fit knows the tasks
            mapping[inner] = value
        else:
            key = max(owners, key=len)
            spec = clone(self.spec_mapping_params[outer](mapping[key]))
            mapping[key] = spec.set_params(**{inner.removeprefix(f"{key}__"): value})
        setattr(self, outer, mapping)

    def _set_in_spec_list(self, outer: str, inner: str, value: Any) -> None:
        spec_list = self.spec_list_params[outer]
        entries = list(getattr(self, outer) or ())
        names = spec_list.names(entries)
        key, _, param = inner.partition("__")
        if key not in names:
            raise ValueError(f"{outer} has no entry {key!r} for {outer}__{inner}; it has {names}.")
        if param:
            setattr(self, outer, spec_list.with_param(entries, key, param, value))
        else:
            setattr(self, outer, spec_list.replaced(entries, key, value))

    def _set_in_spec(self, outer: str, inner: str, value: Any) -> None:
        spec = self.spec_params[outer](getattr(self, outer))
        setattr(self, outer, spec.set_params(**{inner: value}))


def validate_spec(spec: BaseEstimator) -> None:
    """Check the parameters of a spec against the constraints of its class, if any."""
    if hasattr(spec, "_parameter_constraints"):
        spec._validate_params()


def resolve_spec(name: str, value: Any, base: type, shorthands: Mapping[str, Callable[[], Any]]) -> Any:
    """Return the spec with default parameters for a shorthand; return a spec unchanged.

    Parameters
    ----------
    name : str
        The parameter, for the message.
    value : str or spec
        Value of the parameter.
    base : type
        Class of the specs.
    shorthands : mapping of str to callable
        Function that builds the spec of each shorthand.

    Raises
    ------
    ValueError
        If the value is neither.
    """
    if isinstance(value, base):
        return value
    if isinstance(value, str) and value in shorthands:
        return shorthands[value]()
    raise ValueError(f"{name}={value!r} should be a {base.__name__} or one of {sorted(shorthands)}.")
