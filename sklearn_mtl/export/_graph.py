"""The graph around the traced one: a named input per column, codes of texts, and texts of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..trunks import MLP, Trunk
from ..utils._optional import import_optional
from ._readers import CODES, IMAGES, NUMBERS, Schema, code_of_missing
from ._trace import ROWS

#: prefix of all names within the graph, which columns and tasks may not have
INNER = "sklearn_mtl/"
#: name of the input of an array
ARRAY = "X"
# Domain and version of the operators that look up texts.
_ML = ("ai.onnx.ml", 2)


def input_names(trunk: Trunk) -> list[str]:
    """Return the names of the inputs that the user sees."""
    names = Schema(trunk).names if isinstance(trunk, MLP) else []
    return names or [ARRAY]


class Surrounding:
    """Nodes before and after a traced graph, and the inputs and outputs that the user sees.

    Parameters
    ----------
    traced : onnx.ModelProto
        With the tensors of a `Reader` as inputs.
    """

    def __init__(self, traced: Any) -> None:
        self.onnx = import_optional("onnx", "onnx", "to_onnx")
        self.compose = import_optional("onnx.compose", "onnx", "to_onnx")
        self.model = self.compose.add_prefix(traced, INNER)
        self.before: list[Any] = []
        self.after: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []

    def read(self, trunk: Trunk) -> None:
        """Add the inputs of X."""
        schema = Schema(trunk) if isinstance(trunk, MLP) else None
        if schema is None or not schema.names:
            self._read_array()
            return
        numbers = [self._column(schema.names[column], "DOUBLE") for column in schema.read_as_numbers]
        codes = []
        for column, known in schema.texts.items():
            missing = {"": code_of_missing(known)} if known.has_missing else {}
            codes.append(f"{INNER}code {column}")
            self._look_up(
                self._column(schema.names[column], "STRING"),
                codes[-1],
                self.before,
                keys_strings=[*known.values, *missing],
                values_int64s=[*known.codes.values(), *missing.values()],
                default_int64=0,
            )
        for tensor, columns in ((NUMBERS, numbers), (CODES, codes)):
            if columns:
                self.before.append(self._node("Concat", columns, INNER + tensor, axis=1))
        order = {name: position for position, name in enumerate(schema.names)}
        self.inputs.sort(key=lambda each: order[each.name])

    def _read_array(self) -> None:
        given = self.model.graph.input[0]
        assert given.name in (INNER + NUMBERS, INNER + IMAGES)
        self.before.append(self._node("Identity", [ARRAY], given.name))
        self.inputs.append(self._renamed(given, ARRAY))

    def _column(self, name: str, dtype: str) -> str:
        kind = getattr(self.onnx.TensorProto, dtype)
        self.inputs.append(self.onnx.helper.make_tensor_value_info(name, kind, [ROWS, 1]))
        return name

    def answer(self, names: Sequence[str], texts: Mapping[str, Sequence[str]]) -> None:
        """Add the outputs of the tasks, in the order of the traced ones.

        Parameters
        ----------
        names : sequence of str
        texts : mapping of str to sequence of str
            By output that is a code, the texts that the codes stand for.
        """
        for name, traced in zip(names, self.model.graph.output, strict=True):
            output = self._renamed(traced, name)
            if name in texts:
                numbers = {"keys_int64s": list(range(len(texts[name]))), "values_strings": list(texts[name])}
                self._look_up(traced.name, name, self.after, **numbers)
                output.type.tensor_type.elem_type = self.onnx.TensorProto.STRING
            else:
                self.after.append(self._node("Identity", [traced.name], name))
            self.outputs.append(output)

    def whole(self) -> Any:
        """Return the model with everything that was added, checked."""
        graph = self.model.graph
        nodes = [*self.before, *graph.node, *self.after]
        for field, values in ((graph.node, nodes), (graph.input, self.inputs), (graph.output, self.outputs)):
            kept = list(values)
            del field[:]
            field.extend(kept)
        domains = [opset.domain for opset in self.model.opset_import]
        if any(node.domain == _ML[0] for node in nodes) and _ML[0] not in domains:
            self.model.opset_import.append(self.onnx.helper.make_opsetid(*_ML))
        self.onnx.checker.check_model(self.model)
        return self.model

    def _renamed(self, value: Any, name: str) -> Any:
        copy = self.onnx.ValueInfoProto()
        copy.CopyFrom(value)
        copy.name = name
        return copy

    def _look_up(self, key: str, value: str, nodes: list[Any], **attributes: Any) -> None:
        nodes.append(self._node("LabelEncoder", [key], value, domain=_ML[0], **attributes))

    def _node(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> Any:
        return self.onnx.helper.make_node(
            operator, inputs, [output], name=f"{INNER}{operator} {output}", **attributes
        )
