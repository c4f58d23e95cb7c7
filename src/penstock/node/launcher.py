"""Starts a user's script inside its own interpreter: `python launcher.py script.py args…`. Python 3.8 and later, standard library only.

The script sees what it would see as `python script.py args…`: the same sys.argv, sys.path[0], `__main__` and exit status, and tracebacks
without a line of this file. In addition, where `azureml` is not importable, PENSTOCK_SDK_PATH is appended to sys.path, and watch.py notes
what the script reads. Compiled anew at every step's start, so short: watch.py is kept compiled.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def _find_sdk() -> None:
    sdk = os.environ.get("PENSTOCK_SDK_PATH")
    if sdk and not any(os.path.isdir(os.path.join(folder, "azureml")) for folder in sys.path):
        sys.path.append(sdk)


def _watch() -> None:
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "watch.py")
    exec(type(globals()["__loader__"])("watch", path).get_code("watch"), {"__name__": "watch"})


def _make_main(path: str) -> "ModuleType":
    import builtins

    main = type(sys)("__main__")
    loader = type(globals()["__loader__"])("__main__", path)
    main.__dict__.update(__file__=path, __builtins__=builtins, __loader__=loader, __cached__=None)
    sys.modules["__main__"] = main
    return main


def _execute(path: str) -> "BaseException | None":
    """The exception that ended the script, without this file's frames; None when it ran to its end."""
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        sys.exit("%s: can't open file %r: [Errno %s] %s" % (sys.executable, path, error.errno, error.strerror))
    main = _make_main(path)
    try:
        exec(compile(source, path, "exec", dont_inherit=True), main.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        failure = error
    else:
        return None
    trace = failure.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return failure.with_traceback(trace)


def _launch() -> None:
    del sys.argv[0]
    path = os.path.abspath(sys.argv[0])
    if not sys.flags.isolated and not getattr(sys.flags, "safe_path", False):
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    _find_sdk()
    _watch()
    failure = _execute(path)
    if failure is None:
        return
    try:
        sys.excepthook(type(failure), failure, failure.__traceback__)
    except Exception:
        sys.__excepthook__(*sys.exc_info())
        sys.__excepthook__(type(failure), failure, failure.__traceback__)
    # The interpreter itself ends the process as for any unhandled exception (by SIGINT for KeyboardInterrupt), but has nothing left to say.
    sys.excepthook = lambda *_: None
    raise failure


_launch()
