"""The registered datasets of a workspace as a read-only mapping. Asks the server once, when it is first read."""

from azureml._runs import observed


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
            observed.read("dataset", "{}:latest".format(name), None)
            raise KeyError(
                "There is no dataset called {!r}. There are: {}.".format(name, ", ".join(sorted(records)) or "none")
            )
        observed.read("dataset", "{}:latest".format(name), records[name]["id"])
        return AbstractDataset._of(self._workspace, records[name])

    def get(self, name, default=None):
        try:
            return self[name]
        except KeyError:
            return default

    def __contains__(self, name):
        if name not in self._records():
            observed.read("dataset", "{}:latest".format(name), None)
            return False
        observed.read("dataset", "{}:latest".format(name), self._records()[name]["id"])
        return True

    def __iter__(self):
        return iter(self.keys())

    def __len__(self):
        return len(self.keys())

    def keys(self):
        observed.read("run", "the list of datasets")
        return self._records().keys()

    def values(self):
        return [self[name] for name in self.keys()]

    def items(self):
        return [(name, self[name]) for name in self.keys()]

    def __repr__(self):
        return "{{ {} }}".format(", ".join("'{}': {}".format(n, r["kind"]) for n, r in self._records().items()))
