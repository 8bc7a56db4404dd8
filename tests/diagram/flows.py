"""Flows of all shapes, with labels of all kinds."""

import pytest

from sklearn_mtl.diagram._flow import Flow, Node

HOSTILE = [
    "<b>bold</b>", "a&b", "say \"it's\"", "日本語のとても長い名前" * 4, "x" * 300, "two\nlines\tand a tab",
    "", " ",
    "null\x00 bell\x07 lone \ud800 end", "$\\frac{1}{2}$", "]]>", "e\u0301" * 30, "🐧", "task a", "X",
]  # fmt: skip


def mixture(tasks, n_experts=2):
    experts = [Node(f"expert {i}", f"expert {i}", "shared") for i in range(n_experts)]
    own = {task: Node(f"own {task}", "own", "private") for task in tasks}
    flow = Flow.of_inputs().then({node: ["X"] for node in (*own.values(), *experts)})
    return flow.to_tasks({task: [own[task].name, *(node.name for node in experts)] for task in tasks})


def chain(n_tasks):
    """Make tasks of which each reads the inputs and all those before it."""
    flow = Flow.of_inputs()
    for number in range(n_tasks):
        flow = flow.then({Node(f"t{number}", f"t{number}", "task"): ["X", *(f"t{i}" for i in range(number))]})
    return flow


FLOWS = {
    "mixture": mixture(["a", "b", "c"], 4),
    "one task": mixture(["a"], 1),
    "chain": chain(5),
    "hostile": mixture(HOSTILE),
    "no tasks": mixture([], 1),
    "inputs": Flow.of_inputs(),
    "many": mixture([f"task {i}" for i in range(40)], 8),
}


flows = pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)
