"""What was decided of a step's reuse, or would be, as text and as values. Penstock's own."""

_WORDS = {
    "reused": "was reused",
    "ran": "ran",
    "undecided": "is not decided",
    "skipped": "did not run",
    "reuse": "would be reused",
    "run": "would run",
    "depends": "depends",
}


class Decision:
    """One step's: `verdict` (reused, ran, skipped, undecided; of a plan reuse, run, depends), `because` (sentences), `details` (the fields that
    differ, each with `place`, `was` and `is`), `reused_run_id`, `compared_with`, `observed` (what it read undeclared), `not_reusable` (why no later
    step can stand on it, if none can)."""

    def __init__(self, row):
        self.name = row["name"]
        self.verdict = row["verdict"]
        self.because = list(row["because"])
        self.details = list(row.get("details") or ())
        self.reused_run_id = row.get("reused_run_id")
        self.compared_with = row.get("compared_with")
        self.observed = list(row.get("observed") or ())
        self.not_reusable = row.get("not_reusable")

    def __str__(self):
        return "{} {}: {}".format(self.name, _WORDS[self.verdict], "; ".join(self.because))

    def __repr__(self):
        return "<{}>".format(self)


class Decisions(list):
    """Those of all steps, in the pipeline's order; prints a line a step."""

    def __str__(self):
        return "\n".join(str(each) for each in self)

    def __repr__(self):
        return str(self)


def decisions(answer):
    """The server's answer as Decisions."""
    return Decisions(Decision(row) for row in answer["steps"])
