"""Diagrams of each architecture."""

import pytest

from sklearn_mtl.architectures import (
    PLE,
    AdaTT,
    Architecture,
    CrossStitch,
    Grouped,
    HardSharing,
    Independent,
    MMoE,
    SubspaceSharing,
    TaskGraph,
)

from .test_conformance import CASES

TASKS = ["a", "b", "0"]


def feeding(flow, name):
    """Return the labels of the sources of a node."""
    return [flow.nodes[source].label for source, target in flow.edges if target == name]


def of_kind(flow, kind):
    return [node for node in flow.nodes.values() if node.kind == kind]


def reached(flow, start):
    """Return the names of all descendants of a node."""
    found = {start}
    while new := {target for source, target in flow.edges if source in found} - found:
        found |= new
    return found


@pytest.mark.parametrize("tasks", [TASKS, ["b"], []], ids=len)
@pytest.mark.parametrize("architecture", CASES.values(), ids=CASES)
def test_data_goes_from_the_inputs_through_every_part_to_a_task(architecture, tasks):
    if isinstance(architecture, TaskGraph):
        architecture = TaskGraph({"b": ["a"]}, sharing=architecture.sharing)
    if isinstance(architecture, Grouped):
        architecture = Grouped([["0"], ["a", "b"]], architecture.tower_sizes)
    flow = architecture.flow(tasks)
    assert reached(flow, "X") >= {f"task {name}" for name in tasks}
    assert set(flow.representation) <= set(flow.nodes)
    place = {node.name: number for number, column in enumerate(flow.columns) for node in column}
    assert all(place[source] < place[target] for source, target in flow.edges)
    assert len(set(flow.edges)) == len(flow.edges)
    if tasks:
        assert reached(flow, "X") == set(flow.nodes)
        sinks = set(flow.nodes) - {source for source, _ in flow.edges}
        assert {flow.nodes[name].kind for name in sinks} == {"task"}


def test_hard_sharing():
    flow = HardSharing().flow(TASKS)
    assert [[node.label for node in column] for column in flow.columns] == [["X"], ["trunk"], TASKS]
    assert flow.nodes["trunk"].kind == "shared"
    assert flow.representation == ("trunk",)


def test_towers_and_bypasses_belong_to_one_task():
    flow = HardSharing(tower_sizes=(3,), bypass_sizes=(2,)).flow(TASKS)
    for task in TASKS:
        assert feeding(flow, f"task {task}") == ["tower"]
        assert feeding(flow, f"tower {task}") == ["trunk", "bypass"]
        assert reached(flow, f"bypass {task}") == {f"bypass {task}", f"tower {task}", f"task {task}"}


def test_independent_tasks_share_nothing():
    flow = Independent().flow(TASKS)
    assert not of_kind(flow, "shared")
    for task in TASKS:
        assert reached(flow, f"trunk {task}") == {f"trunk {task}", f"task {task}"}


def test_the_tasks_of_a_group_share_a_trunk():
    flow = Grouped([["0", "a"], ["b"]]).flow(TASKS)
    assert [node.label for node in flow.columns[-1]] == TASKS
    assert [node.kind for node in flow.columns[1]] == ["shared", "private"]
    assert reached(flow, "trunk 0") == {"trunk 0", "task a", "task 0"}
    assert reached(flow, "trunk 1") == {"trunk 1", "task b"}
    assert flow.representation == ("trunk 0", "trunk 1")


def test_a_task_without_group_is_not_drawn():
    with pytest.raises(ValueError, match=r"groups of Grouped lacks the tasks \['b', '0'\]"):
        Grouped([["a"]]).flow(TASKS)


def test_stitched_trunks_feed_all_tasks():
    flow = CrossStitch().flow(TASKS)
    for task in TASKS:
        assert reached(flow, f"trunk {task}") >= {f"task {name}" for name in TASKS}


@pytest.mark.parametrize(
    ("groups", "shared"), [(None, ["shared"]), ([[0], [1, 2]], ["columns 0", "columns 1"])], ids=["one", "groups"]
)
def test_subspaces(groups, shared):
    flow = SubspaceSharing(column_groups=groups).flow(TASKS)
    assert [node.label for node in of_kind(flow, "shared")] == shared
    for task in TASKS:
        assert feeding(flow, f"task {task}") == [*shared, "private"]
        assert reached(flow, f"private {task}") == {f"private {task}", f"task {task}"}


def test_experts_feed_all_gates():
    flow = MMoE(n_experts=3).flow(TASKS)
    gates = of_kind(flow, "gate")
    assert len(gates) == len(TASKS)
    for gate in gates:
        assert feeding(flow, gate.name) == ["expert 0", "expert 1", "expert 2"]
    for task in TASKS:
        assert feeding(flow, f"task {task}") == ["gate"]


def test_private_experts_feed_the_gate_of_their_task_only():
    flow = PLE(n_shared=2, n_specific=2).flow(TASKS)
    for task in TASKS:
        assert feeding(flow, f"gate 0 {task}") == [f"{task} 0", f"{task} 1", "shared 0", "shared 1"]
        assert reached(flow, f"expert 0 1 {task}") == {f"expert 0 1 {task}", f"gate 0 {task}", f"task {task}"}


def test_levels_of_extraction():
    flow = PLE(n_shared=1, n_levels=3).flow(TASKS)
    assert feeding(flow, "gate 0") == [*(f"{task} 0" for task in TASKS), "shared 0"]
    assert feeding(flow, "shared 1 0") == ["gate of all"]
    assert feeding(flow, "expert 1 0 b") == ["gate"]
    assert ("gate 0 b", "expert 1 0 b") in flow.edges
    assert "gate 2" not in flow.nodes
    assert flow.representation == ("shared 2 0",)


def test_experts_of_tasks_feed_the_gates_of_all_and_go_on_task_by_task():
    flow = AdaTT(n_experts=2, n_levels=2).flow(TASKS)
    for level in range(2):
        for task in TASKS:
            assert feeding(flow, f"gate {level} {task}") == [f"{name} {i}" for name in TASKS for i in range(2)]
    assert ("gate 0 b", "expert 1 1 b") in flow.edges
    assert feeding(flow, "expert 1 1 b") == ["gate"]


def test_children_stand_right_of_their_parents():
    graph = TaskGraph({"sale": ["visit", "click"], "visit": ["click"]}, sharing=MMoE(n_experts=2))
    flow = graph.flow(["sale", "click", "other", "visit"])
    assert [[node.label for node in column] for column in flow.columns[3:]] == [
        ["click", "other"],
        ["visit"],
        ["sale"],
    ]
    assert feeding(flow, "task sale") == ["gate", "visit", "click"]
    assert feeding(flow, "task visit") == ["gate", "click"]
    assert feeding(flow, "task other") == ["gate"]


def test_tasks_that_are_not_there_are_left_out_of_a_graph():
    flow = TaskGraph({"sale": ["click", "click"], "gone": ["sale"]}).flow(["sale", "other"])
    assert feeding(flow, "task sale") == ["trunk"]
    assert "task gone" not in flow.nodes


def test_a_circle_is_refused():
    with pytest.raises(ValueError, match="contain a cycle"):
        TaskGraph({"a": ["b"], "b": ["a"]}).flow(["a", "b"])


class Own(Architecture):
    def build(self, trunk, tasks, streams):
        raise NotImplementedError


def test_an_architecture_of_ones_own_is_one_shared_part():
    flow = Own().flow(TASKS)
    assert [[node.label for node in column] for column in flow.columns] == [["X"], ["Own"], TASKS]


def test_further_tasks_read_the_representation():
    flow = PLE(n_shared=2, n_levels=2).flow(TASKS).with_tasks(["new"])
    assert flow.columns[-1][-1].label == "new"
    assert feeding(flow, "task new") == ["shared 0", "shared 1"]
