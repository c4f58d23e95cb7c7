"""What a step's inputs and outputs are while they are being authored. Knows no step kind and no server.

An object that can be an input has `_as_input_port()`, one that can be an output `_as_output_port()`, and one that can stand
in a step's arguments `_argument_keys()`: how to find the port that it means.
"""

import os

INPUT_MODES = ("mount", "download", "direct", "upload", "hdfs")


class MadeUp(str):
    """A name that nobody gave: some letters and eight digits drawn at random. Copies of what is called so keep it."""

    def __new__(cls, prefix, seed=None):
        made = str.__new__(cls, prefix + os.urandom(4).hex())
        made.prefix, made.seed = prefix, seed
        return made


def settle_names(step_name, ports):
    """Names for ports that nobody gave one, the same each time the step is written: else no step of another run could stand for it."""
    from zlib import crc32

    taken = {port.name for port in ports if not isinstance(port.name, MadeUp)}
    made_up = [port for port in ports if isinstance(port.name, MadeUp)]
    for number, port in enumerate(made_up):
        prefix, seed, salt = port.name.prefix, port.name.seed or "{}\0{}".format(step_name, number), 0
        while isinstance(port.name, MadeUp) or port.name in taken:
            port.name = prefix + "%08x" % crc32("{}\0{}".format(seed, salt).encode("utf-8", "surrogatepass"))
            salt += 1
        taken.add(port.name)
        if isinstance(port, OutputPort):
            port.slot.output_name = port.name


def by_name(inputs, outputs):
    """What an argument becomes that names a port in its text: by the name of the port, or of the data, whatever the port is called."""
    ports = {port.name: {"input": port.name} for port in inputs}
    ports.update({port.name: {"output": port.name} for port in outputs})
    for port in inputs + outputs:
        names = [key[1] for key in port.keys if isinstance(key, tuple) and key[0] in ("data", "dataset")]
        for name in names if port.slot is None else [port.slot.name] + names:
            ports.setdefault(name, ports[port.name])
    return ports


class Slot:
    """Who produces a piece of data: copies of one PipelineData or OutputFileDatasetConfig share one slot."""

    __slots__ = ("name", "output_name", "promoted", "step")

    def __init__(self, name, output_name):
        self.name = name
        self.output_name = output_name
        self.step = None  # the step that listed it as an output last
        self.promoted = False  # True once a step lists its `as_dataset()` form


class InputPort:
    """An input: `source` is its JSON, a function of the lowering scope that gives it, or None when `slot` is set."""

    __slots__ = (
        "item", "keys", "mode", "name", "needs_promotion", "overwrite", "path_on_compute", "reference", "slot", "source", "transform",
    )  # fmt: skip

    def __init__(
        self, name, mode, keys, source=None, slot=None, reference="data", path_on_compute=None, overwrite=False
    ):
        self.name = name
        self.mode = mode
        self.keys = keys
        self.source = source
        self.slot = slot
        self.reference = reference
        self.path_on_compute = path_on_compute
        self.overwrite = bool(overwrite)
        self.transform = None
        self.item = None  # the DatasetConsumptionConfig that this port was made from
        self.needs_promotion = False


class OutputPort:
    """An output. `datastore` None means the pipeline's default; `settings` are further keys of its JSON."""

    __slots__ = ("datastore", "keys", "name", "settings", "slot")

    def __init__(self, name, keys, slot, datastore=None, settings=None):
        self.name = name
        self.keys = keys
        self.slot = slot
        self.datastore = datastore
        self.settings = settings or {}


def check_port_name(name, what):
    """`name`, or ValueError: port names are letters, digits and underscores, because they become variables."""
    if not isinstance(name, str) or not name:
        raise ValueError("{} name cannot be empty".format(what))
    if not name.replace("_", "a").isalnum():  # \w, without the cost of importing re
        wordly = "".join(c if c.isalnum() or c == "_" else "_" for c in name)
        raise ValueError(
            "{} name {!r} is not valid: use letters, digits and underscores only, for example {!r}.".format(
                what, name, wordly
            )
        )
    return name


def datastore_name(datastore):
    """The name of a datastore given as an object or a string; None stays None."""
    if datastore is None or isinstance(datastore, str):
        return datastore
    return getattr(datastore, "name", None) or str(datastore)


def is_dataset(item):
    """Whether `item` is a Dataset (by its contract with this package, so that no dataset module need be imported)."""
    return hasattr(item, "_saved_id") and hasattr(item, "as_named_input")


def input_port(item, step_name):
    """The port for one entry of a step's `inputs`."""
    as_port = getattr(item, "_as_input_port", None)
    if as_port is not None:
        return as_port()
    if isinstance(item, tuple) and len(item) == 2 and hasattr(item[1], "_bind"):
        return item[1]._bind(item[0])
    if is_dataset(item):
        raise ValueError(
            "Step '{0}': a {1} cannot be an input by itself. Give it a name first: dataset.as_named_input('name').".format(
                step_name, type(item).__name__
            )
        )
    raise ValueError(
        "Step '{}': unexpected input type {}. Use PipelineData, DataReference, dataset.as_named_input('name'), "
        "OutputFileDatasetConfig or an (DataPath or PipelineParameter, DataPathComputeBinding) tuple.".format(
            step_name, type(item)
        )
    )


def output_port(item, step_name):
    """The port for one entry of a step's `outputs`."""
    as_port = getattr(item, "_as_output_port", None)
    if as_port is not None:
        return as_port()
    raise ValueError(
        "Step '{}': unexpected output type {}. Use PipelineData or OutputFileDatasetConfig.".format(
            step_name, type(item)
        )
    )


def argument_keys(argument):
    """How to find the port that an argument means; () for what is no port."""
    if hasattr(argument, "_argument_keys"):
        return argument._argument_keys()
    if isinstance(argument, tuple) and len(argument) == 2 and hasattr(argument[1], "_bind"):
        return (id(argument[0]),)
    return ()
