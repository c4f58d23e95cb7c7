"""What a dataset is made of: path expressions as definitions ({"datastore","path"} or {"url"}), and finding the files they mean.

Knows local datastores and URLs; must not know what is in a file.
"""

import os
import re

from azureml._runs import observed

_WILD = re.compile(r"[*?\[]")


def _user_error(message):
    from azureml.exceptions import UserErrorException

    return UserErrorException(message)


def paths_of(path):
    """(definitions, workspace or None) of what a factory was given as `path`."""
    if isinstance(path, (list, set)) or (isinstance(path, tuple) and not _is_pair(path)):
        found = [_one(p) for p in path]
    else:
        found = [_one(path)]
    if not found:
        raise _user_error("A dataset needs at least one path, but the list is empty.")
    workspaces = [w for _, w in found if w is not None]
    return [definition for definition, _ in found], workspaces[0] if workspaces else None


def _is_pair(path):
    return len(path) == 2 and hasattr(path[0], "datastore_type") and isinstance(path[1], str)


def _one(path):
    if isinstance(path, str):
        if path.startswith(("http://", "https://")):
            return {"url": path}, None
        raise _user_error(
            "The path {!r} is neither a URL nor on a datastore. A dataset cannot be made of a local path: upload the file "
            "first, for example datastore.upload_files([...]), and give (datastore, 'path').".format(path)
        )
    if isinstance(path, tuple) and len(path) == 2:
        store, relative = path
    else:
        store = getattr(path, "datastore", None) or getattr(path, "_datastore", None)
        relative = getattr(path, "path_on_datastore", None)
    if store is None or not hasattr(store, "datastore_type"):
        raise _user_error(
            "A dataset cannot be made of {!r}. Give a URL, (datastore, 'path'), datastore.path('…'), a DataPath, or a list "
            "of these.".format(path)
        )
    if ".." in (relative or "").replace("\\", "/").split("/"):
        raise _user_error("The path {!r} leads out of datastore '{}'. Leave out the '..'.".format(relative, store.name))
    return {"datastore": store.name, "path": (relative or "").replace("\\", "/").strip("/")}, store.workspace


class Source:
    """One file of a dataset. `name` is its name below what the path meant, `whole` that on the datastore."""

    def __init__(self, local, name, whole, datastore=""):
        self.local = local
        self.name = name
        self.whole = whole
        self.datastore = datastore


def sources(definitions, workspace):
    """Every file that the paths mean, in order. FileNotFoundError names the path that means none."""
    found = []
    for definition in definitions:
        if "url" in definition:
            from azureml.data._urls import fetched

            pinned = definition.get("pinned")
            if not pinned and not observed.is_declared(definition):
                observed.read("run", definition["url"])
            local = _kept(pinned, definition["url"], workspace) if pinned else fetched(definition["url"])
            name = "/" + os.path.basename(local)
            found.append(Source(local, name, definition["url"]))
            continue
        files = _on_datastore(definition, workspace)
        if not files:
            raise FileNotFoundError(
                "Datastore '{}' has nothing at '{}'.".format(definition["datastore"], definition["path"])
            )
        found.extend(files)
    return distinct(found)


def distinct(found):
    """The files under names that differ: whole paths where short ones would meet, after their datastores if those do."""
    for name_of in (lambda s: s.whole if s.datastore else s.name, lambda s: "/" + s.datastore + s.name):
        if len({source.name for source in found}) == len(found):
            break
        for source in found:
            source.name = name_of(source) if source.datastore else source.name
    return found


def _on_datastore(definition, workspace):
    from azureml.core.datastore import Datastore
    from azureml.data.abstract_datastore import AbstractDatastore

    name, path = definition["datastore"], definition["path"]
    is_known = bool(definition.get("pinned")) or observed.is_declared(definition)
    if definition.get("pinned"):
        store = AbstractDatastore(workspace, name, None, {"root": _pin(definition["pinned"], workspace, name)})
    else:
        store = Datastore.get(workspace, name)
    if not _WILD.search(path):
        files = store._files_at(path, is_known)
        base = path if os.path.isdir(store._local(path)) else path.rpartition("/")[0]
        if not os.path.isdir(store._local(path)):
            files = [f for f in files if f[0] == path]
        return [Source(local, "/" + _below(whole, base), "/" + whole, store.name) for whole, local in files]
    base = path[: _WILD.search(path).start()].rpartition("/")[0]
    pattern = re.compile(glob_pattern(path))
    files = store._files_at(base + "/" if base else "", is_known)
    return [
        Source(local, "/" + _below(whole, base), "/" + whole, store.name)
        for whole, local in files
        if pattern.match(whole)
    ]


def _pin(pinned, workspace, place):
    """The folder of the server's home that keeps the bytes of a pinned path."""
    return os.path.join(workspace._client.server()["home"], "pins", pinned, place)


def _kept(pinned, url, workspace):
    """The local copy of a URL that is kept with its dataset's version."""
    from azureml.data._urls import kept

    folder = _pin(pinned, workspace, ".urls")
    observed.pass_over(folder)
    return kept(folder, url)


def _below(whole, base):
    return whole[len(base) :].lstrip("/") if base else whole


def glob_pattern(path):
    """`path` with * and ** as a regular expression; what a match lies below counts too."""
    out, i = [], 0
    while i < len(path):
        if path.startswith("**/", i):
            out.append("(?:.*/)?")
            i += 3
        elif path.startswith("**", i):
            out.append(".*")
            i += 2
        elif path[i] == "*":
            out.append("[^/]*")
            i += 1
        elif path[i] == "?":
            out.append("[^/]")
            i += 1
        else:
            out.append(re.escape(path[i]))
            i += 1
    return "".join(out) + r"(?:/.*)?\Z"


def partition_values(partition_format, whole):
    """{column: text} that `partition_format` finds in a file's path; ValueError when it does not fit."""
    pattern, names = [], []
    for piece in re.split(r"(\{[^}]*\}|\*)", partition_format):
        if piece == "*":
            pattern.append("[^/]*")
        elif piece.startswith("{"):
            name, _, date = piece[1:-1].partition(":")
            names.append((name, date))
            pattern.append("(" + _date_pattern(date) + ")" if date else "([^/]*)")
        else:
            pattern.append(re.escape(piece))
    match = re.search("".join(pattern) + r"\Z", whole) or re.search("".join(pattern), whole)
    if match is None:
        raise ValueError("The path {} does not fit the partition_format {!r}.".format(whole, partition_format))
    return {name: _date_text(date, text) if date else text for (name, date), text in zip(names, match.groups())}


_DATE_PARTS = (("yyyy", 4), ("MM", 2), ("dd", 2), ("HH", 2), ("mm", 2), ("ss", 2))


def _date_pattern(date):
    pattern = re.escape(date)
    for part, width in _DATE_PARTS:
        pattern = pattern.replace(part, r"\d{%d}" % width)
    return pattern


def _date_text(date, text):
    """The ISO form of a date written in the format `date`."""
    found = {"yyyy": "1970", "MM": "01", "dd": "01", "HH": "00", "mm": "00", "ss": "00"}
    for part, width in _DATE_PARTS:
        at = date.find(part)
        if at >= 0:
            found[part] = text[at : at + width]
    return "{yyyy}-{MM}-{dd}T{HH}:{mm}:{ss}".format(**found)
