"""Schemas of requests and answers, by pydantic, and messages of what is wrong with a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from ..utils._optional import import_optional
from ._columns import Rows, ServedColumn

# Categories that the schema lists, and errors that an answer lists.
MOST_LISTED, MOST_ERRORS = 100, 10


def batch_schema(rows: Rows, max_rows: int) -> Any:
    """Return the pydantic model of a request: ``{"rows": [...]}``."""
    pydantic = import_optional("pydantic", "serve", "make_app")
    row = _row_schema(rows, pydantic)
    limited = Annotated[list[row], pydantic.Field(min_length=1, max_length=max_rows)]  # type: ignore[valid-type]
    strict = pydantic.ConfigDict(extra="forbid", strict=True)
    return pydantic.create_model("Batch", __config__=strict, rows=(limited, ...))


def answer_schema() -> Any:
    """Return the pydantic model of an answer, for the documentation of the service."""
    pydantic = import_optional("pydantic", "serve", "make_app")
    by_task = (dict[str, list[Any]], ...)
    return pydantic.create_model("Answer", labels=by_task, probabilities=by_task, classes=by_task)


def _row_schema(rows: Rows, pydantic: Any) -> Any:
    """Return the type of a row: a model with the fitted columns, or a list."""
    if not rows.columns:
        return list[Any]
    if rows.are_named:
        fields = {f"column_{i}": _field(column, pydantic) for i, column in enumerate(rows.columns)}
        strict = pydantic.ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
        return pydantic.create_model("Row", __config__=strict, **fields)
    value = _type_of(rows.columns, pydantic)
    n_columns = len(rows.columns)
    return Annotated[list[value], pydantic.Field(min_length=n_columns, max_length=n_columns)]  # type: ignore[valid-type]


def _field(column: ServedColumn, pydantic: Any) -> tuple[Any, Any]:
    listed = column.known[:MOST_LISTED]
    extra = {"x-known-categories": listed} if listed else {}
    # names of columns may be anything, those of fields may not
    return _type_of([column], pydantic), pydantic.Field(
        alias=str(column.name), description=describe(column), json_schema_extra=extra
    )


def _type_of(columns: Sequence[ServedColumn], pydantic: Any) -> Any:
    finite = Annotated[float, pydantic.Field(allow_inf_nan=False)]
    kinds = {column.kind for column in columns}
    if kinds == {"number"}:
        return finite | bool | None
    return str | None if kinds == {"text"} else finite | bool | str | None


def describe(column: ServedColumn) -> str:
    """Return what the values of a column are."""
    if column.kind is None:
        return "a number, text or null"
    what = "a number" if column.kind == "number" else "text"
    return f"{what} or null; a category" if column.is_category else f"{what} or null"


def messages_of(errors: Sequence[Mapping[str, Any]], rows: Rows, max_rows: int) -> list[str]:
    """Return what is wrong with a request, with the row and the column; of many errors the first ones."""
    found = dict.fromkeys(_message(error, rows, max_rows) for error in errors)
    listed = list(found)[:MOST_ERRORS]
    return [*listed, f"and {len(found) - len(listed)} more"] if len(found) > len(listed) else listed


def _message(error: Mapping[str, Any], rows: Rows, max_rows: int) -> str:
    kind, place = error["type"], [part for part in error["loc"] if part != "body"]
    if kind == "json_invalid":
        return f"the body is not JSON: {error.get('ctx', {}).get('error', error['msg'])}"
    if not place or place[0] != "rows":
        named = f"; it has {place[0]!r}" if place else ""
        return f"the body should be an object with one entry, rows{named}"
    if len(place) == 1:
        return _of_all_rows(kind, max_rows)
    where = f"row {place[1]}"
    if len(place) == 2:
        expected = f"a list of {len(rows.columns)} values" if rows.columns else "a list"
        return f"{where}: expected {'an object from column to value' if rows.are_named else expected}"
    column = place[2]
    if kind == "missing":
        return f"{where}: the column {column!r} is missing; a value that is not known is null"
    if kind == "extra_forbidden":
        return f"{where}: the column {column!r} is unknown; expected {[str(c.name) for c in rows.columns]}"
    known = next((each for each in rows.columns if str(each.name) == str(column)), None)
    expected = "a finite number or null" if known is None else describe(known)
    got = repr(error.get("input"))
    return f"{where}: column {column!r} should be {expected}; got {got if len(got) <= 50 else got[:50] + '...'}"


def _of_all_rows(kind: str, max_rows: int) -> str:
    if kind == "too_long":
        return f"rows: more than {max_rows} rows; send several requests"
    return "rows: at least one row is needed" if kind == "too_short" else "rows: expected a list of rows"
