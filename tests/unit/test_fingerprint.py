"""What is worked out once of a step's identity is what would be worked out each time."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from penstock.engine import fingerprint
from penstock.engine.plan import make_plan, with_values
from penstock.model.graph import Graph
from penstock.service.context import beside, new_id
from penstock.service.runs.entry import step_of

texts = st.one_of(st.text(max_size=8), st.just(fingerprint._HOLE), st.just("penstock"))


@st.composite
def steps(draw):
    """A node with inputs, arguments of each kind and the values of its parameters; and what its inputs hold."""
    names = draw(st.lists(st.from_regex(r"[a-z]{1,3}", fullmatch=True), unique=True, max_size=4))
    inputs = [{"name": n, "source": {"datastore": "d", "path": draw(texts)}} for n in names]
    parts = [{"literal": draw(texts)}, {"parameter": "p"}]
    node = {"id": "00000000", "name": "a step", "kind": "python_script", "inputs": inputs}
    node |= {"arguments": [*parts, {"parts": parts}], "settings": {"script_name": draw(texts)}}
    node |= {"environment_variables": draw(st.dictionaries(texts, texts, max_size=2))}
    parameters = [{"name": "p", "type": "string", "default": draw(texts)}]
    graph = Graph.from_json({"schema": 1, "nodes": [node], "parameters": parameters})
    return graph, {n: draw(texts) for n in names}, draw(texts)


@given(steps(), texts)
def test_a_recipe_gives_what_is_worked_out_from_the_whole_struct(step, value):
    graph, contents, environment = step
    for plan in (make_plan(graph, {}), with_values(make_plan(graph, {}), {"p": value})):
        (node,) = graph.nodes
        recipe, struct = plan.recipe(node), fingerprint.parts(node, plan.values, contents, environment)
        assert recipe.parts(contents, environment) == struct
        assert recipe.fingerprint(contents, environment) == fingerprint.fingerprint(struct)
        assert recipe.module == fingerprint.module(node, plan.values)


@given(st.integers(0, 2**32 - 1))
def test_the_id_of_a_module_is_the_uuid_of_its_node(number):
    node_id = f"{number:08x}"
    wanted = uuid.uuid5(uuid.UUID("6f1de0cb-3b0a-4b39-9a04-5f4c3d0f5a55"), node_id)
    assert step_of(node_id, "r", ())["module_id"] == str(wanted)


def test_the_ids_of_a_pipelines_steps_lie_together_and_differ_in_their_first_eight_digits():
    root, made = new_id(), [new_id() for _ in range(3000)]
    ids = beside(root, made)
    assert len({i[:8] for i in ids}) == len(ids) and {i[:4] for i in ids} == {root[:4]}
    assert [i[8:] for i in ids] == [i[8:] for i in made], "the rest is as random as it was"
    assert beside(root, []) == []
