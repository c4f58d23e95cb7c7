"""Tars in and out as streams, a piece at a time. Knows the tar format; must not know what the files mean."""

import os
import tarfile

from azureml._client.sending import changed, opened, pieces

_BLOCK = tarfile.BLOCKSIZE
_CHUNK = 1 << 20


def tar_bytes(entries):
    """Yields the bytes of a tar of `entries`, (name, path of a local file). UserErrorException when a file goes or changes meanwhile."""
    for name, path in entries:
        with opened(path) as file:
            status = os.fstat(file.fileno())
            member = tarfile.TarInfo(name)
            member.size = status.st_size
            member.mode = status.st_mode & 0o777
            yield member.tobuf(tarfile.PAX_FORMAT)
            for piece in pieces(file, member.size):
                yield piece
            now = os.fstat(file.fileno())
            if (now.st_size, now.st_mtime_ns) != (status.st_size, status.st_mtime_ns):
                raise changed(path)
            if member.size % _BLOCK:
                yield b"\0" * (_BLOCK - member.size % _BLOCK)
    yield b"\0" * (2 * _BLOCK)


def tree_entries(path, name=None):
    """(name in the tar, path) of a file, or of every file below a folder, under the folder's own name."""
    name = name or os.path.basename(os.path.abspath(path))
    if not os.path.isdir(path):
        return [(name, path)]
    found = []
    _gather(path, name, (os.path.realpath(path),), found)
    return found


def _gather(folder, name, above, found):
    """Every file below `folder`, links followed. A link to a folder that holds it, a broken one, pipes and sockets hold nothing."""
    for entry in sorted(os.listdir(folder)):
        whole = os.path.join(folder, entry)
        if os.path.isdir(whole):
            real = os.path.realpath(whole)
            if real not in above:
                _gather(whole, name + "/" + entry, above + (real,), found)
        elif os.path.isfile(whole):
            found.append((name + "/" + entry, whole))


def unpack(source, target):
    """Unpacks the tar read from the binary file object `source` into the folder `target`; the first member's name."""
    first = None
    base = os.path.realpath(target)
    with tarfile.open(fileobj=source, mode="r|") as archive:
        for member in archive:
            parts = member.name.split("/")
            if member.name.startswith("/") or ".." in parts:
                raise ValueError("The archive holds {!r}, which leads out of its folder.".format(member.name))
            first = first or parts[0]
            path = os.path.join(base, *parts)
            if member.isdir():
                os.makedirs(path, exist_ok=True)
                continue
            content = archive.extractfile(member)
            if content is None:
                continue
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                while True:
                    piece = content.read(_CHUNK)
                    if not piece:
                        break
                    file.write(piece)
            os.chmod(path, 0o755 if member.mode & 0o100 else 0o644)
    return first
