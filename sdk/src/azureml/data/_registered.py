"""The registered datasets of a workspace as a read-only mapping. Asks the server once, when it is first read."""


class RegisteredDatasets:
    """{name: the latest version}."""

    def __init__(self, workspace):
        self._workspace = workspace
        self._kept = None

    def _records(self):
        if self._kept is None:
            self._kept = {}
            for record in self._workspace._values("datasets"):
                known = self._kept.get(record["name"])
                if known is None or known["version"] < record["version"]:
                    self._kept[record["name"]] = record
        return self._kept

    def __getitem__(self, name):
        from azureml.data.abstract_dataset import AbstractDataset

        records = self._records()
        if name not in records:
            raise KeyError(
                "There is no dataset called {!r}. There are: {}.".format(name, ", ".join(sorted(records)) or "none")
            )
        return AbstractDataset._of(self._workspace, records[name])

    def get(self, name, default=None):
        try:
            return self[name]
        except KeyError:
            return default

    def __contains__(self, name):
        return name in self._records()

    def __iter__(self):
        return iter(self._records())

    def __len__(self):
        return len(self._records())

    def keys(self):
        return self._records().keys()

    def values(self):
        return [self[name] for name in self]

    def items(self):
        return [(name, self[name]) for name in self]

    def __repr__(self):
        return "{{ {} }}".format(", ".join("'{}': {}".format(n, r["kind"]) for n, r in self._records().items()))
