"""Parameters inside parameters: entries of a mapping and parameters of specs, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions

__all__ = ["HasMethods", "Interval", "NestedParamsMixin", "Options", "StrOptions", "resolve_spec"]


class NestedParamsMixin:
    """Reach into mappings and specs through ``get_params`` and ``set_params``.

    ``mapping_params`` names the parameters whose entries are plain values (``task_weights__a``);
    ``spec_mapping_params`` those whose entries are specs with parameters of their own (``tasks__a__loss``);
    ``spec_params`` those that are one spec or its shorthand (``trunk__dropout``). The last two give the
    function that turns a shorthand into a spec. The caller's own mappings are never written to.
    """

    mapping_params: ClassVar[tuple[str, ...]] = ()
    spec_mapping_params: ClassVar[dict[str, Callable[[Any], BaseEstimator]]] = {}
    spec_params: ClassVar[dict[str, Callable[[Any], BaseEstimator]]] = {}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters, with ``deep=True`` also those inside mappings and specs.

        Parameters
        ----------
        deep : bool, default=True
            Whether to list what is nested.

        Returns
        -------
        dict of str to object
        """
        params: dict[str, Any] = super().get_params(deep=deep)  # type: ignore[misc]
        if not deep:
            return params
        for name in (*self.mapping_params, *self.spec_mapping_params):
            value = params[name]
            if not isinstance(value, Mapping):
                continue
            for key, entry in value.items():
                params[f"{name}__{key}"] = entry
                if hasattr(entry, "get_params") and not isinstance(entry, type):
                    nested = entry.get_params(deep=True)
                    params |= {f"{name}__{key}__{inner}": item for inner, item in nested.items()}
        return params

    def set_params(self, **params: Any) -> Any:
        """Set parameters by name; ``task_weights__a`` sets one entry of ``task_weights``.

        Parameters
        ----------
        **params : dict
            New values. Whole mappings and specs are set before what is inside them.

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
            else:
                self._set_in_spec(outer, inner, nested[name])
        return self

    def _is_ours(self, name: str) -> bool:
        outer, delimiter, _ = name.partition("__")
        ours = (*self.mapping_params, *self.spec_mapping_params, *self.spec_params)
        return bool(delimiter) and outer in ours

    def _set_in_spec_mapping(self, outer: str, inner: str, value: Any) -> None:
        mapping = dict(getattr(self, outer) or {})
        owners = [key for key in mapping if inner.startswith(f"{key}__")]
        if inner in mapping or not owners:
            # a name that no entry owns stays in the mapping: fit refuses it, where the tasks are known
            mapping[inner] = value
        else:
            key = max(owners, key=len)
            spec = clone(self.spec_mapping_params[outer](mapping[key]))
            mapping[key] = spec.set_params(**{inner.removeprefix(f"{key}__"): value})
        setattr(self, outer, mapping)

    def _set_in_spec(self, outer: str, inner: str, value: Any) -> None:
        spec = self.spec_params[outer](getattr(self, outer))
        setattr(self, outer, spec.set_params(**{inner: value}))


def resolve_spec(name: str, value: Any, base: type, shorthands: Mapping[str, Callable[[], Any]]) -> Any:
    """Turn a shorthand into a spec with its defaults; a spec stays what it is.

    Parameters
    ----------
    name : str
        The parameter, for the message.
    value : str or spec
        What the user gave.
    base : type
        Class of the specs.
    shorthands : mapping of str to callable
        What each shorthand builds.

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
