"""The graph around the traced one: a named input per column, codes of texts, and texts of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..utils._optional import import_optional
from ._names import INNER, ROWS

# Versions of the domains of operators that traced graphs do not use.
_VERSIONS = {"ai.onnx.ml": 2, "com.microsoft": 1}


class Surrounding:
    """Nodes before and after a traced graph, and the inputs and outputs that the user sees.

    Parameters
    ----------
    traced : onnx.ModelProto
        With the tensors of a `Reader` as inputs.
    """

    def __init__(self, traced: Any) -> None:
        self.onnx = import_optional("onnx", "onnx", "to_onnx")
        self.model = traced
        self._prefix(traced.graph, INNER)
        self.versions = dict(_VERSIONS)
        self.before: list[Any] = []
        self.after: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []

    def input(self, name: str, kind: str, shape: Sequence[str | int]) -> str:
        """Add an input of a type of ONNX, such as "DOUBLE"; return its name."""
        of = getattr(self.onnx.TensorProto, kind)
        self.inputs.append(self.onnx.helper.make_tensor_value_info(name, of, list(shape)))
        return name

    def take(self, traced: str, name: str) -> None:
        """Add an input that is one of the traced graph, by the name that the user sees."""
        (given,) = [each for each in self.model.graph.input if each.name == traced]
        self.node("Identity", [name], traced)
        self.inputs.append(self._renamed(given, name))

    def look_up(self, key: str, value: str, **pairs: Any) -> None:
        """Add a node that looks up codes of texts, or texts of codes, by attributes of a LabelEncoder."""
        self.node("LabelEncoder", [key], value, domain="ai.onnx.ml", **pairs)

    def node(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        """Add a node before the traced graph."""
        self.before.append(self._node(operator, inputs, output, **attributes))

    def add_before(self, other: Any, prefix: str, tensor: str) -> None:
        """Add another graph, whose one output becomes a tensor of doubles of this one.

        Parameters
        ----------
        other : onnx.ModelProto
        prefix : str
            Of its names; its inputs keep theirs, and those that no node reads are left out.
        tensor : str
        """
        graph = other.graph
        used = {name for node in graph.node for name in node.input}
        for given in [each for each in graph.input if each.name in used]:
            shape = [ROWS, *(dim.dim_value for dim in given.type.tensor_type.shape.dim[1:])]
            kind = self.onnx.TensorProto.DataType.Name(given.type.tensor_type.elem_type)
            self.node("Identity", [self.input(given.name, kind, shape)], prefix + given.name)
        (made,) = graph.output
        self._prefix(graph, prefix)
        self.before += graph.node
        self.model.graph.initializer.extend(graph.initializer)
        self.node("Cast", [made.name], tensor, to=self.onnx.TensorProto.DOUBLE)
        for opset in other.opset_import:
            self.versions[opset.domain] = max(self.versions.get(opset.domain, 1), opset.version)

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
                pairs = {"keys_int64s": list(range(len(texts[name]))), "values_strings": list(texts[name])}
                # no text stands where there is no position
                decoder = {"domain": "ai.onnx.ml", "default_string": "", **pairs}
                self.after.append(self._node("LabelEncoder", [traced.name], name, **decoder))
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
        used = {node.domain for node in nodes} - {opset.domain for opset in self.model.opset_import}
        for domain in sorted(used & self.versions.keys()):
            self.model.opset_import.append(self.onnx.helper.make_opsetid(domain, self.versions[domain]))
        self.onnx.checker.check_model(self.model)
        return self.model

    def _prefix(self, graph: Any, prefix: str) -> None:
        """Put a prefix before all names of a graph and of the graphs within its nodes."""
        for value in (*graph.input, *graph.output, *graph.initializer):
            value.name = prefix + value.name
        for node in graph.node:
            node.name = prefix + node.name
            for names in (node.input, node.output):
                prefixed = [name and prefix + name for name in names]  # an empty one is an input left out
                del names[:]
                names.extend(prefixed)
            for attribute in node.attribute:
                if attribute.type == self.onnx.AttributeProto.GRAPH:
                    self._prefix(attribute.g, prefix)

    def _renamed(self, value: Any, name: str) -> Any:
        copy = self.onnx.ValueInfoProto()
        copy.CopyFrom(value)
        copy.name = name
        return copy

    def _node(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> Any:
        return self.onnx.helper.make_node(
            operator, inputs, [output], name=f"{INNER}{operator} {output}", **attributes
        )
