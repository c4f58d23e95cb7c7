"""Snapshots of a source folder: which files, their digests, and sending those that the server has not got.

A snapshot's digest is that of docs/graph.md's server: sha256 over sorted lines `path NUL x|- NUL digest`.
"""

import hashlib
import os

from azureml._client.ignore import IgnoreRules
from azureml.exceptions import SnapshotException

NOTE_BYTES = 300 * 1024 * 1024
_CHUNK = 1 << 20
_digests = {}  # path -> (stat, digest) of files seen by this process
_noted = set()  # folders whose size was already remarked on


def upload(workspace, folder):
    """The digest of a snapshot of `folder`, kept by the workspace's server; only what it lacks is sent."""
    files = manifest(folder)
    digest = digest_of(files)
    offered = [{k: f[k] for k in ("path", "size", "mode", "digest")} for f in files]
    for _ in range(3):
        missing = workspace._call("POST", "snapshots", {"files": offered, "digest": digest})["missing"]
        if not missing:
            return digest
        places = {f["digest"]: f["local"] for f in files}
        workspace._client.upload_tar("/ws/{}/blobs".format(_segment(workspace.name)), [(d, places[d]) for d in missing])
    raise SnapshotException(
        "The source folder {} kept changing while it was sent. Submit again when nothing writes to it.".format(folder)
    )


def _segment(text):
    from azureml._client.client import segment

    return segment(text)


def manifest(folder):
    """[{path, size, mode, digest, local}] of the folder's files, sorted by path. SnapshotException names what cannot be kept."""
    folder = os.path.abspath(folder)
    if not os.path.isdir(folder):
        raise SnapshotException(
            "The source folder {} does not exist. Give the folder that holds the step's script.".format(folder)
        )
    found = sorted(_walk(folder, rules_of(folder)))
    _note_size(folder, found)
    digests = _hashed([(path, status) for _, path, status in found])
    return [
        {"path": name, "size": s.st_size, "mode": s.st_mode & 0o777, "digest": d, "local": path}
        for (name, path, s), d in zip(found, digests)
    ]


def digest_of(files):
    """The digest of a snapshot with these files."""
    lines = sorted("{}\0{}\0{}\n".format(f["path"], "x" if f["mode"] & 0o100 else "-", f["digest"]) for f in files)
    return "sha256:" + hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()


def rules_of(folder):
    """The rules of the folder's `.amlignore`, else of its `.gitignore`, else those that always hold."""
    for name in (".amlignore", ".gitignore"):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with open(path, encoding="utf-8-sig", errors="replace") as lines:
                return IgnoreRules(lines)
    return IgnoreRules()


def _walk(folder, rules):
    """Yields (relative path, path, stat) of each file that is not ignored; links are followed."""
    pending = [(folder, "", (os.path.realpath(folder),))]
    while pending:
        place, prefix, above = pending.pop()
        try:
            entries = list(os.scandir(place))
        except OSError as error:
            raise SnapshotException(_unreadable(place, error)) from None
        for entry in entries:
            name = prefix + entry.name
            is_link = entry.is_symlink()
            if is_link and not os.path.exists(entry.path):
                if rules.ignores(name, False):
                    continue
                raise SnapshotException(
                    "{} is a link to {}, which does not exist. Remove the link, or name it in .amlignore.".format(
                        entry.path, os.readlink(entry.path)
                    )
                )
            is_dir = entry.is_dir()
            if rules.ignores(name, is_dir):
                continue
            _check_name(entry)
            if is_dir:
                real = os.path.realpath(entry.path) if is_link else above[-1] + "/" + entry.name
                if real in above:
                    raise SnapshotException(
                        "{} is a link to a folder that holds it ({}). Remove the link, or name it in .amlignore.".format(
                            entry.path, real
                        )
                    )
                pending.append((entry.path, name + "/", above + (real,)))
            elif entry.is_file():  # sockets, pipes and devices have no content to keep
                yield name, entry.path, entry.stat()


def _check_name(entry):
    try:
        entry.name.encode("utf-8")
    except UnicodeEncodeError:
        raise SnapshotException(
            "The name of {!r} is not UTF-8. Rename it, or name its folder in .amlignore.".format(
                os.fsencode(entry.path)
            )
        ) from None


def _hashed(files):
    """The digests of (path, stat), in order; those not seen before are read in threads."""
    todo = [path for path, s in files if _known(path, s) is None]
    if len(todo) > 8 or sum(s.st_size for p, s in files if _known(p, s) is None) > 8 * _CHUNK:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(8, (os.cpu_count() or 1) + 1)) as pool:
            list(pool.map(_hash, todo))
    else:
        for path in todo:
            _hash(path)
    return [_digests[path][1] for path, _ in files]


def _signature(status):
    return (status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns)


def _known(path, status):
    kept = _digests.get(path)
    return kept[1] if kept is not None and kept[0] == _signature(status) else None


def _hash(path):
    hashed = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            while True:
                piece = file.read(_CHUNK)
                if not piece:
                    break
                hashed.update(piece)
    except OSError as error:
        raise SnapshotException(_unreadable(path, error)) from None
    _digests[path] = (_signature(status), "sha256:" + hashed.hexdigest())


def _unreadable(path, error):
    return "{} cannot be read: {}. Make it readable, or name it in .amlignore.".format(path, error.strerror)


def _note_size(folder, found):
    total = sum(s.st_size for _, _, s in found)
    if total <= NOTE_BYTES or folder in _noted:
        return
    _noted.add(folder)
    biggest = sorted(((s.st_size, name) for name, _, s in found), reverse=True)[:5]
    print(
        "Note: the source folder {} holds {:,.0f} MB. The biggest files: {}. Name in .amlignore what the step does not need.".format(
            folder, total / 1e6, ", ".join("{} ({:,.0f} MB)".format(name, size / 1e6) for size, name in biggest)
        )
    )
