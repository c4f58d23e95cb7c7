"""How scripts that were submitted by themselves are listed, on SQLite and on PostgreSQL."""

from test_store import add_run, database, place  # noqa: F401 - fixtures

from penstock.store import runs


def test_a_script_may_stand_in_place_of_the_pipeline_around_it(database):  # noqa: F811
    for of in ("top", "below"):
        parent = None if of == "top" else "driven"
        if parent:
            add_run(database, "driven", type="interactive")
        add_run(database, f"around-{of}", type="pipeline", parent_id=parent)
        add_run(database, f"script-{of}", parent_id=f"around-{of}", step_type="ScriptRun")
    add_run(database, "plain", type="pipeline")
    add_run(database, "step", parent_id="plain", step_type="PythonScriptStep")

    def listed(**wanted):
        with database.read() as connection:
            return [r["id"] for r in runs.list_runs(connection, runs.Filter(**wanted))]

    assert listed() == ["plain", "driven", "around-top"]
    assert listed(scripts=True) == ["plain", "driven", "script-top"]
    assert listed(scripts=True, type="interactive") == ["driven", "script-top"]
    assert listed(scripts=True, type="pipeline") == ["plain"]
    assert listed(scripts=True, type="step") == ["step"]
    assert listed(scripts=True, include_children=True) == ["step", "plain", "script-below", "driven", "script-top"]
    with database.read() as connection:
        assert [r["id"] for r in runs.children(connection, "driven")] == ["around-below"]
        assert [r["id"] for r in runs.children(connection, "driven", scripts=True)] == ["script-below"]
        assert [r["id"] for r in runs.children(connection, "plain", scripts=True)] == ["step"]
