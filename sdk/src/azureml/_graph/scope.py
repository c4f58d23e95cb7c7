"""What lowering collects and asks for: the graph's parameters, digests of folders, ids of datasets."""


class Scope:
    """One lowering of one pipeline. Without `snapshot_of` and `dataset_id_of` it is a dry one, and needs no server."""

    def __init__(self, default_source_directory, snapshot_of=None, dataset_id_of=None):
        self.default_source_directory = default_source_directory
        self.parameters = {}
        self._snapshot_of = snapshot_of
        self._dataset_id_of = dataset_id_of
        self._definitions = {}
        self.folders = []  # of each node in order; None: it has no code
        self.asked_for_dataset = False
        self.there = set()  # (folder, script) that were looked at

    @property
    def is_dry(self):
        return self._snapshot_of is None

    def snapshot(self, folder):
        self.folders.append(folder)
        return None if folder is None or self.is_dry else self._snapshot_of(folder)

    def dataset(self, dataset):
        self.asked_for_dataset = True
        return (
            self._dataset_id_of(dataset)
            if self._dataset_id_of is not None
            else getattr(dataset, "id", None) or "unsaved"
        )

    def value(self, value):
        """A value of a step: a PipelineParameter by name, anything else as text."""
        if hasattr(value, "_lower_value"):
            self.parameter(value)
            return {"parameter": value.name}
        return {"literal": str(value)}

    def parameter(self, parameter):
        """Takes `parameter` into the graph; Exception when another default goes by its name already."""
        known = self.parameters.setdefault(parameter.name, parameter)
        if known is not parameter and not _same(known.default_value, parameter.default_value):
            raise Exception(
                "Graph already has pipeline parameter with same name {} but different default values {}, {}".format(
                    parameter.name, known.default_value, parameter.default_value
                )
            )

    def definition(self, runconfig):
        """The run configuration as JSON, made once for each object."""
        if runconfig is None:
            return {}
        known = self._definitions.get(id(runconfig))
        if known is None:
            known = self._definitions[id(runconfig)] = (runconfig, runconfig._as_dict())
        return known[1]


def _same(one, other):
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if hasattr(one, "_identity"):
        return one._identity() == other._identity()
    return one == other
