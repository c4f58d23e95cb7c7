"""Notes the files outside that a script opens for reading or looks for in vain, and the folders that it lists, while it runs: in its own
interpreter, run by the launcher. Each by the path that it used: where a link leads may change as what a file holds.

Python 3.8 and later, standard library only, nothing imported that a bare interpreter has not. It knows two files of the job folder:
`unwatched` (paths that need no note; without the file nothing is watched) and `reads` (what it notes, as it happens, so that no kind of
end loses it). What is libraries' own business and what a file holds, the stub decides at the end.
Seen are opens by Python code in this process and in what it forks: not those of native code, nor of other programs it starts.
"""

import os
import stat
import sys
from _frozen_importlib_external import source_from_cache  # type: ignore[import-not-found, unused-ignore]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_RARE = frozenset(
    ("os.rename", "os.symlink", "os.link", "os.exec", "sqlite3.connect", "ctypes.dlopen")
    + ("os.listdir", "os.scandir")
    + ("azureml.known", "azureml.read")  # what our SDK says of itself, with a path
)
_IMPORTS = "<frozen importlib._bootstrap_external>"
_OF_A_PREFIX = ("bin", "lib", "lib64", "libexec", "include", "conda-meta", "pkgs", "ssl", "etc", "share", "sbin", "man")
_OF_THE_SYSTEM = ("/", "/usr", "/usr/local")


def _of_the_interpreter() -> "list[str]":
    """The folders that the environment's identity answers for. An environment may be made in a folder that holds data too."""
    found = [path for path in sys.path[1:] if path]
    for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}:
        shared = ("etc", "share") if prefix in _OF_THE_SYSTEM else ()
        found += [os.path.join(prefix, name) for name in _OF_A_PREFIX if name not in shared]
    for name, module in list(sys.modules.items()):
        if name.startswith("__editable__"):  # setuptools: packages that lie elsewhere, in no folder of sys.path
            found += [os.fspath(path) for path in (getattr(module, "MAPPING", None) or {}).values()]
    return found


class _Watch:
    def __init__(self, job: str, own: "list[str]") -> None:
        self._list = os.path.join(job, "reads")
        self._pid = os.getpid()
        self._own = own
        self._lasting = _folders(_of_the_interpreter())
        self._seen = {*own, self._list}
        self._read: set[str] = set()  # of what was seen, the real places of what is not the script's own
        self.passing = self._lasting + _folders(own)
        self._known: tuple[str, ...] | None = None  # like `passing`, with the real places: made when it is first needed
        os.close(os.open(self._list, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644))

    def look(self, path: "str | bytes | os.PathLike[str]", flags: int) -> None:
        """Notes the file, unless it is known, or what the script itself made."""
        name = _place(path)
        if name.endswith(".pyc"):
            name = _source_of(name)
        if name in self._seen or name.startswith(self.passing):
            return
        real = os.path.realpath(name)
        status = _status(real)
        if flags & os.O_TRUNC or (status is None and flags & os.O_CREAT):
            self._seen.update((name, real))
            self._read.discard(real)
        elif flags & os.O_ACCMODE != os.O_WRONLY:
            is_own = real in self._seen and real not in self._read
            self._seen.update((name, real))
            if not is_own and not self._is_known(real):
                self._read.add(real)
                if status is None or not (stat.S_ISDIR(status.st_mode) or stat.S_ISCHR(status.st_mode)):
                    self._note(self._used(name, real), status)

    def _used(self, name: str, real: str) -> str:
        """By which path it is noted: links in the script's own places are its own."""
        return real if self._is_known(name) else name

    def _is_known(self, real: str) -> bool:
        if self._known is None:
            places = [path.rstrip("/") for path in self.passing + self._lasting] + self._own
            self._known = _folders(set(places + [os.path.realpath(path) for path in places]))
        return (real + "/").startswith(self._known)

    def _note(self, path: str, status: "os.stat_result | None") -> None:
        """No status: there was nothing."""
        s = status
        state = b"" if s is None else b"%d %d %d %d" % (s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino)
        line = os.fsencode(path) + b"\0" + state + b"\0"
        fd = os.open(self._list, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            if os.write(fd, line) != len(line):
                raise OSError(28, "the disk is full")
        finally:
            os.close(fd)

    def happened(self, event: str, args: "Any") -> None:
        """What else makes a file be read, or be the script's own."""
        if event == "os.rename":
            old, new = (_place(path) for path in args[:2])
            self._rename(old, new)
        elif event == "os.symlink":
            self.passing = self._lasting  # a path inside may lead outside from now on
        elif event == "os.link":
            self.look(args[0], os.O_RDONLY)
        elif event == "os.exec":
            if os.getpid() == self._pid:
                self.give_up()  # another program goes on in this process
        elif event in ("os.listdir", "os.scandir"):
            if args[0].__class__ is not int and sys._getframe(2).f_code.co_filename != _IMPORTS:
                self._list_names(_place("." if args[0] is None else args[0]))
        elif event == "azureml.known":
            self._pass_over(_place(args[0]))
        elif event == "azureml.read":
            self._read_all(_place(args[0]))
            args[1].append(True)  # the SDK is told that somebody watches
        elif args[0] and not isinstance(args[0], int):
            name = os.fsdecode(args[0])
            if event == "ctypes.dlopen":
                if "/" in name:
                    self.look(name, os.O_RDONLY)
            elif name != ":memory:":
                name = name[5:].partition("?")[0] if name.startswith("file:") else name
                self.look(name, os.O_RDWR | os.O_CREAT)

    def _rename(self, old: str, new: str) -> None:
        """What the script made stays its own under its new name."""
        for path in [p for p in self._seen if p == old or p.startswith(old + "/")]:
            self._seen.add(new + path[len(old) :])

    def _pass_over(self, path: str) -> None:
        """What lies here is the run's input by another name."""
        if path not in self._own:
            self._own.append(path)
            self._seen.update((path, os.path.realpath(path)))
            self.passing += (path + "/",)
            self._known = None

    def _list_names(self, path: str) -> None:
        """Notes a folder outside whose names the script asks for."""
        if path + "/." in self._seen or (path + "/").startswith(self.passing):
            return
        real, status = os.path.realpath(path), _status(path)
        self._seen.add(path + "/.")
        is_own = real in self._seen and real not in self._read
        if is_own or self._is_known(real):
            return
        used = self._used(path, real)
        if status is None:
            self._note(used, None)
        elif stat.S_ISDIR(status.st_mode):
            self._note(used + "/.", status)

    def _read_all(self, path: str) -> None:
        """Notes a folder as a whole, with what it lists; a file as any."""
        real, status = os.path.realpath(path), _status(path)
        if status is None or not stat.S_ISDIR(status.st_mode):
            self.look(path, os.O_RDONLY)
        elif not self._is_known(real):
            self._note(self._used(path, real) + "/", status)
            self._pass_over(path)
            self._pass_over(real)

    def give_up(self) -> None:
        """Without the list nothing is known of what the script read."""
        try:
            os.unlink(self._list)
        except OSError:
            pass


def _place(path: "str | bytes | os.PathLike[str]") -> str:
    """The absolute path; up to its last `..`, which may lead back from elsewhere than it looks, the real one."""
    text = os.fsdecode(path)
    if ".." in text:
        head, dots, tail = (os.path.join(os.getcwd(), text) + "/").rpartition("/../")
        if dots:
            text = os.path.join(os.path.realpath(head + "/.."), tail)
    return os.path.abspath(text)


def _folders(paths: "Iterable[str]") -> "tuple[str, ...]":
    return tuple(path.rstrip("/") + "/" for path in paths)


def _status(path: str) -> "os.stat_result | None":
    try:
        return os.stat(path)
    except OSError:
        return None


def _source_of(path: str) -> str:
    """What the compiled file was made from, which was looked at to find it good; itself when that is not there."""
    try:
        source = source_from_cache(path)
    except (ValueError, NotImplementedError):
        return path
    return source if os.path.exists(source) else path


def watch() -> None:
    """From here on reads are noted, if the job folder around the current folder asks for it."""
    job = os.path.dirname(os.getcwd())
    try:
        with open(os.path.join(job, "unwatched"), "rb") as file:
            own = [os.fsdecode(path) for path in file.read().split(b"\0") if path]
        seen = _Watch(job, own)
    except OSError:
        return

    # Called for every import, open, compile and more: what is known must be passed over at once.
    def hook(event: str, args: "Any") -> None:
        if event == "builtins.id" or event == "object.__getattr__":
            return  # four of five, where pandas is imported: less is done for these than to look them up
        try:
            if event == "open":
                path = args[0]
                if path.__class__ is str and path.startswith(seen.passing) and "/.." not in path:
                    return
                if path.__class__ is not int:
                    seen.look(path, args[2])
            elif event == "import":
                path = args[1]  # of an extension module, opened by the dynamic linker
                if path and not (path.startswith(seen.passing) and "/.." not in path):
                    seen.look(path, os.O_RDONLY)
            elif event in _RARE:
                seen.happened(event, args)
        except Exception:
            seen.give_up()

    sys.addaudithook(hook)


watch()
