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
