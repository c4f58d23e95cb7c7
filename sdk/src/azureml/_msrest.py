"""The exception names of msrest for code that catches them, when msrest itself is not installed.

Existing code says `from msrest.exceptions import HttpOperationError`. A finder at the end of `sys.meta_path` is asked only when nobody
else knows the module, so a real msrest always wins. Nothing of msrest but its exceptions is here.
"""

import sys

_NAMES = ("msrest", "msrest.exceptions")


class _Finder:
    """Finds `msrest` and `msrest.exceptions`, and nothing else."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in _NAMES:
            return None
        if name == "msrest.exceptions" and not getattr(sys.modules.get("msrest"), "_penstock_stand_in", False):
            return None  # a real msrest without that module is a broken one, and not ours to mend
        from importlib.machinery import ModuleSpec

        return ModuleSpec(name, _Loader, origin="penstock-sdk", is_package=name == "msrest")


class _Loader:
    """Fills a module that the finder named."""

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        module._penstock_stand_in = True
        if module.__name__ == "msrest":
            module.__doc__ = "Stands in for msrest, which is not installed: only msrest.exceptions is here."
            return
        module.__doc__ = "The exceptions of msrest, for code that catches them. pip install msrest brings the rest."
        module.__dict__.update(_exceptions())
        module.__all__ = sorted(_exceptions())


_made = {}


def _exceptions():
    """The classes by name, made once."""
    if not _made:

        class ClientException(Exception):
            """The base of msrest's exceptions."""

            def __init__(self, message="", inner_exception=None, *args, **kwargs):
                Exception.__init__(self, message)
                self.message = message
                self.inner_exception = inner_exception

        class HttpOperationError(ClientException):
            """An HTTP call that the server refused."""

            def __init__(self, message="", response=None, *args, **kwargs):
                ClientException.__init__(self, message, kwargs.get("inner_exception"))
                self.response = response
                self.error = None

        bases = {"ClientException": ClientException, "HttpOperationError": HttpOperationError}
        for name, base in (
            ("SerializationError", ClientException),
            ("DeserializationError", ClientException),
            ("TokenExpiredError", ClientException),
            ("ClientRequestError", ClientException),
            ("AuthenticationError", ClientException),
            ("ValidationError", ClientException),
        ):
            bases[name] = type(name, (base,), {})
        for name, made in bases.items():
            made.__module__, made.__qualname__ = "msrest.exceptions", name
        _made.update(bases)
    return _made


def install():
    """Appends the finder, once."""
    if _Finder not in sys.meta_path:
        sys.meta_path.append(_Finder)
