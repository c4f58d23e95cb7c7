"""The profile of a table: what its columns hold, counted when it is asked for. Needs pandas."""


class ColumnProfile:
    """One column: its type, how many values, how many are missing, and for numbers and times where they lie."""

    def __init__(self, name, facts):
        self.name = self.column_name = name
        for fact, value in facts.items():
            setattr(self, fact, value)
        self._facts = facts

    def __repr__(self):
        shown = ["{}={}".format(k, v) for k, v in self._facts.items() if v is not None]
        return "ColumnProfile({}: {})".format(self.name, ", ".join(shown))


class DatasetProfile:
    """The columns of a dataset by name, in `columns`. Made by TabularDataset.get_profile."""

    def __init__(self, saved_dataset_id=None, run_id=None, experiment_name=None, workspace=None, profile=None):
        self.saved_dataset_id = saved_dataset_id
        self.columns = profile or {}
        self._workspace = workspace

    def get_producing_run(self):
        """None: no run made it, it was counted when it was asked for."""

    def is_stale(self):
        """False: it was counted when it was asked for, and is not kept."""
        return False

    def _rows(self):
        return [dict({"column": p.name}, **p._facts) for p in self.columns.values()]

    def __repr__(self):
        return "DatasetProfile({})".format(", ".join(map(repr, self.columns.values())))

    def _repr_html_(self):
        from html import escape

        rows = self._rows()
        heads = list(rows[0]) if rows else []
        cells = ["".join("<td>{}</td>".format(escape("" if v is None else str(v))) for v in r.values()) for r in rows]
        head = "".join("<th>{}</th>".format(escape(h)) for h in heads)
        return "<table><tr>{}</tr>{}</table>".format(head, "".join("<tr>{}</tr>".format(c) for c in cells))


def profiled(frame):
    """{column: ColumnProfile} of a DataFrame."""
    return {str(name): ColumnProfile(str(name), _facts(frame[name])) for name in frame.columns}


def _facts(series):
    from azureml.data._formats import kind_of

    kind = kind_of(series)
    filled = series.dropna()
    count, missing = len(series), len(series) - len(filled)
    facts = {
        "type": kind,
        "count": count,
        "missing_count": missing,
        "not_missing_count": len(filled),
        "percent_missing": missing / count if count else 0.0,
        "unique_values": int(filled.astype(str).nunique()) if kind == "string" else int(filled.nunique()),
        "min": None,
        "max": None,
        "mean": None,
        "std": None,
        "variance": None,
        "lower_quartile": None,
        "median": None,
        "upper_quartile": None,
    }
    if len(filled) and kind in ("int", "float", "datetime"):
        facts.update(min=_plain(filled.min()), max=_plain(filled.max()))
    if len(filled) and kind in ("int", "float"):
        quartiles = [float(filled.quantile(share)) for share in (0.25, 0.5, 0.75)]
        facts.update(zip(("lower_quartile", "median", "upper_quartile"), quartiles))
        facts.update(mean=float(filled.mean()))
        if len(filled) > 1:
            facts.update(std=float(filled.std()), variance=float(filled.var()))
    return facts


def _plain(value):
    """A number or time of Python's own."""
    item = getattr(value, "to_pydatetime", None) or value.item
    return item()
