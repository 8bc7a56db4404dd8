"""A flow, built from left to right."""

import pytest

from sklearn_mtl.diagram._flow import Flow, Node

TRUNK, OWN = Node("trunk", "MLP", "shared"), Node("own", "own", "private")


def test_columns_and_ways_are_those_that_were_put_to_the_right():
    flow = Flow.of_inputs().then({TRUNK: ["X"]}).then({OWN: ["X", "trunk"]})
    assert [[node.name for node in column] for column in flow.columns] == [["X"], ["trunk"], ["own"]]
    assert flow.edges == (("X", "trunk"), ("X", "own"), ("trunk", "own"))
    assert flow.nodes == {"X": Node("X", "X", "input"), "trunk": TRUNK, "own": OWN}


def test_a_flow_is_not_changed_by_what_is_put_to_its_right():
    start = Flow.of_inputs()
    start.then({TRUNK: ["X"]}).represented_by(["trunk"])
    assert start == Flow.of_inputs()


def test_tasks_read_what_is_said_or_a_tower_that_reads_it():
    shared = Flow.of_inputs().then({TRUNK: ["X"]}).represented_by(["trunk"])
    reads = {"mass": ["trunk"], "type": ["trunk", "X"]}
    plain, towers = shared.to_tasks(reads), shared.to_tasks(reads, tower_sizes=(8,))
    assert [node.label for node in plain.columns[-1]] == [node.label for node in towers.columns[-1]] == [*reads]
    assert all(node.kind == "task" for node in plain.columns[-1])
    ends = dict(zip([node.label for node in plain.columns[-1]], plain.columns[-1], strict=True))
    assert set(plain.edges[1:]) == {(source, ends[task].name) for task in reads for source in reads[task]}
    assert len(towers.columns) == len(plain.columns) + 1
    assert {node.kind for node in towers.columns[-2]} == {"private"}
    for tower, task in zip(towers.columns[-2], towers.columns[-1], strict=True):
        assert [source for source, target in towers.edges if target == task.name] == [tower.name]
    assert plain.representation == towers.representation == ("trunk",)


@pytest.mark.parametrize("task", ["X", "trunk", "a.b"])
def test_a_task_may_be_called_as_a_part(task):
    flow = Flow.of_inputs().then({TRUNK: ["X"]}).to_tasks({task: ["trunk"]})
    assert len(flow.nodes) == sum(len(column) for column in flow.columns) == 3
    assert flow.columns[-1][0].label == task
