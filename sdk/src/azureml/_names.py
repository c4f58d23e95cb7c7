"""Lazy re-export (PEP 562): a package that names many classes imports the module of one when it is first asked for."""


def reexport(package, homes):
    """The `__getattr__` and `__dir__` of `package`: `homes` maps a public name to the module that defines it."""

    def __getattr__(name):
        home = homes.get(name)
        if home is None:
            raise AttributeError("module {!r} has no attribute {!r}".format(package, name))
        value = getattr(__import__(home, fromlist=[name]), name)
        _module(package).__dict__[name] = value
        return value

    def __dir__():
        return sorted(set(_module(package).__dict__) | set(homes))

    return __getattr__, __dir__


def _module(name):
    import sys

    return sys.modules[name]


class typed(property):
    """A read-only property that, asked of the class, is the type of what it gives: `Run.id` is str, as `run.id` is one.

    So what follows a second dot can be looked up without a run at hand, as `penstock doctor` and completion in notebooks do.
    """

    def __init__(self, kind, getter):
        property.__init__(self, getter)
        self._kind = kind

    def __get__(self, owner, owner_class=None):
        return self._kind if owner is None else property.__get__(self, owner, owner_class)
