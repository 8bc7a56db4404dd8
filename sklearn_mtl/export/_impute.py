"""The conversion of SimpleImputer: skl2onnx has none for doubles, nor for texts that are missing as NaN."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..columns._missing import is_missing
from ..utils._optional import import_optional


def shape_of_imputed(operator: Any) -> None:
    """Set the type of the output of an imputer, which is that of the input."""
    given = operator.inputs[0].type
    operator.outputs[0].type = type(given)([None, len(operator.raw_operator.statistics_)])


def convert_imputer(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of an imputer; a missing text is ``""``.

    Raises
    ------
    NotImplementedError
        If it adds indicators, removes columns, or replaces other values than missing ones.
    """
    imputer = operator.raw_operator
    proto = import_optional("onnx", "onnx", "to_onnx of a Pipeline").TensorProto
    values, is_text = imputer.statistics_, imputer.statistics_.dtype.kind in "OUS"
    if imputer.add_indicator or is_missing(values).any() or not is_missing(np.array([imputer.missing_values]))[0]:
        raise NotImplementedError(
            "SimpleImputer with add_indicator, with columns without values, or for other missing_values than NaN"
        )
    (given,), (filled,) = operator.input_full_names, operator.output_full_names
    missing, stated = (scope.get_unique_variable_name(name) for name in ("missing", "stated"))
    if is_text:
        code = scope.get_unique_variable_name("code")
        pairs = {"keys_strings": [""], "values_int64s": [1], "default_int64": 0}
        _add(scope, container, "LabelEncoder", [given], code, op_domain="ai.onnx.ml", op_version=2, **pairs)
        _add(scope, container, "Cast", [code], missing, op_version=13, to=proto.BOOL)
        container.add_initializer(stated, proto.STRING, [len(values)], [str(v).encode() for v in values])
    else:
        _add(scope, container, "IsNaN", [given], missing, op_version=13)
        container.add_initializer(stated, proto.DOUBLE, [len(values)], values.astype(np.float64).tolist())
    _add(scope, container, "Where", [missing, stated, given], filled, op_version=16)


def _add(scope: Any, container: Any, operator: str, inputs: list[str], output: str, **attributes: Any) -> None:
    container.add_node(operator, inputs, [output], name=scope.get_unique_operator_name(operator), **attributes)
