"""Runs are found by tags and properties, whether few or many have them, on SQLite and on PostgreSQL."""

from contract.test_store import database as database
from contract.test_store import place as place

from penstock.store import records, runs


def test_runs_are_found_by_tags_and_properties_that_few_or_many_have(database):
    rows = [
        {
            "id": f"r{n:04}",
            "workspace": "ws",
            "experiment": f"e{n % 3}",
            "type": "pipeline",
            "name": "r",
            "parent_id": "r0000" if n == 7 else None,
            "root_id": f"r{n:04}",
            "status": "NotStarted",
            "created_at": float(n),
        }
        for n in range(runs.FEW + 200)
    ]
    longer = "x" * 100
    tags = {row["id"]: {"team": "a", "number": str(n), "long": longer + str(n % 2)} for n, row in enumerate(rows)}
    tags["r0005"]["old"] = tags["r0007"]["old"] = None
    labels = {run_id: {"tag": found, "property": {"old": "x"}} for run_id, found in tags.items()}
    database.write(lambda c: runs.insert_runs(c, rows))
    database.write(lambda c: records.insert_labels(c, labels))

    def found(*wanted, **more):
        with database.read() as connection:
            listed = runs.list_runs(connection, runs.Filter(workspace="ws", labels=wanted, limit=3, **more))
            return [int(row["id"][1:]) for row in listed]

    last = len(rows) - 1
    assert found(("tag", "team", "a")) == [last, last - 1, last - 2]
    assert found(("tag", "team", "b")) == found(("tag", "nothing", None)) == []
    assert found(("tag", "number", "5")) == [5]
    assert (
        found(("tag", "team", "a"), ("tag", "number", "5"))
        == found(("tag", "number", "5"), ("tag", "team", None))
        == [5]
    )
    assert found(("tag", "number", "5"), ("tag", "number", "6")) == []
    odd = last if last % 2 else last - 1
    assert found(("tag", "long", longer + "1")) == [odd, odd - 2, odd - 4], "values alike in all that their index has"
    assert found(("tag", "long", longer)) == []
    assert found(("tag", "old", None)) == [5], "a tag without a value; a child run is not listed"
    assert found(("tag", "old", None), include_children=True) == [7, 5]
    assert found(("tag", "old", "x")) == [] and found(("property", "old", "x"), experiment="e1", before_number=9) == [
        7 - 3,
        1,
    ]
    assert found(("tag", "number", "5"), experiment="e1") == [] and found(("tag", "number", "5"), experiment="e2") == [
        5
    ]
    assert found(("tag", "number", "7"), parent="r0000") == [7] and found(("tag", "number", "5"), prefix="r0006") == []
