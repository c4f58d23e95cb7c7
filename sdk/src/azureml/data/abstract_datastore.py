"""AbstractDatastore: what every datastore is, and copying to and from one that is a local folder."""

import os

from azureml._runs import observed


def _user_error(message, **kwargs):
    from azureml.exceptions import UserErrorException

    return UserErrorException(message, **kwargs)


class AbstractDatastore:
    """A name for a place that holds data. `_root` is the local folder behind it."""

    def __init__(self, workspace, name, datastore_type, _record=None):
        self._workspace = workspace
        self._name = name
        self._datastore_type = datastore_type
        self._record_kept = _record

    @property
    def name(self):
        return self._name

    @property
    def workspace(self):
        return self._workspace

    @property
    def datastore_type(self):
        return self._datastore_type

    @property
    def _record(self):
        if self._record_kept is None:
            from azureml._client.client import segment

            self._record_kept = self._workspace._call("GET", "datastores/" + segment(self._name))
        return self._record_kept

    @property
    def _settings(self):
        return self._record.get("settings") or {}

    @property
    def _root(self):
        root = self._record["root"]
        if not os.path.exists(root):
            os.makedirs(root, exist_ok=True)
        return root

    def _pull(self, path):
        """Brings what lies at `path` where the datastore is mapped to a URL that is not of this machine."""
        self._ask("pull", path)

    def _push(self, path):
        """Sends what was written at `path` to where the datastore is mapped."""
        self._ask("push", path)

    def _ask(self, verb, path):
        if self._record.get("url"):
            from azureml._client.client import segment

            self._workspace._call("POST", "datastores/{}/{}".format(segment(self._name), verb), {"path": path or ""})

    def set_as_default(self):
        """Makes this the workspace's default datastore."""
        self._workspace.set_default_datastore(self._name)

    def unregister(self):
        """Forgets the datastore; what it holds stays."""
        from azureml._client.client import segment

        self._workspace._call("DELETE", "datastores/" + segment(self._name))

    def path(self, path=None, data_reference_name=None):
        """A reference to `path` on this datastore."""
        from azureml.data.data_reference import DataReference

        return DataReference(self, data_reference_name, path)

    def as_mount(self):
        return self.path().as_mount()

    def as_download(self, path_on_compute=None):
        return self.path().as_download(path_on_compute)

    def as_upload(self, path_on_compute=None):
        return self.path().as_upload(path_on_compute)

    def __eq__(self, other):
        return isinstance(other, AbstractDatastore) and (other._name, other._workspace) == (self._name, self._workspace)

    def __hash__(self):
        return hash(self._name)

    def __repr__(self):
        return '{{\n  "name": "{}",\n  "type": "{}"\n}}'.format(self._name, self._datastore_type)

    # --- copying ----------------------------------------------------------------------------------------------------

    def _upload(self, src_dir, target_path=None, overwrite=False, show_progress=True):
        """Copies every file below `src_dir`, keeping the tree; a reference to where it went."""
        src_dir = local_path(src_dir)
        if not os.path.isdir(src_dir):
            raise _user_error("upload: there is no folder {}. Use upload_files for single files.".format(src_dir))
        return self._send(files_below(src_dir), src_dir, target_path, overwrite, show_progress)

    def _upload_files(self, files, relative_root=None, target_path=None, overwrite=False, show_progress=True):
        """Copies `files`, keeping their places below `relative_root` (default: the folder they share)."""
        files = [local_path(f) for f in ([files] if isinstance(files, str) else files)]
        for file in files:
            if not os.path.isfile(file):
                what = "is a folder, not a file" if os.path.isdir(file) else "does not exist"
                raise _user_error("upload_files: {} {}.".format(file, what))
        root = local_path(relative_root) if relative_root else _common_folder(files)
        for file in files:
            if not file.startswith(root.rstrip(os.sep) + os.sep):
                raise _user_error("upload_files: {} does not lie below relative_root {}.".format(file, root))
        return self._send(files, root, target_path, overwrite, show_progress)

    def _send(self, files, root, target_path, overwrite, show_progress):
        """Copies files that are there, below `root`."""
        say = print if show_progress else _silent
        say("Uploading an estimated of {} files".format(len(files)))
        observed.wrote("files at '{}' on datastore {}".format((target_path or "").strip("/"), self._name))
        self._pull(target_path)
        top = self._local(target_path)
        skipped, count = len(root.rstrip(os.sep)) + 1, 0
        is_kept = not overwrite and os.path.exists(top)
        for file in files:
            target = top + os.sep + file[skipped:]
            if is_kept and os.path.exists(target):
                say("Target already exists. Skipping upload for {}".format(_shown(target_path, file[skipped:])))
                continue
            _upload_one(file, target, count)
            count += 1
        self._push(target_path)
        say("Uploaded {} files".format(count))
        return self.path((target_path or "").strip("/") or None)

    def _download(self, target_path, prefix=None, overwrite=False, show_progress=True):
        """Copies what lies at or below `prefix` to `target_path`, under its whole path; how many files."""
        found = self._files_at(prefix)
        say = print if show_progress else _silent
        target_path, count = os.path.expanduser(os.fspath(target_path)), 0
        is_new = not os.path.exists(target_path)
        for relative, source in found:
            target = target_path + os.sep + relative
            if not overwrite and not is_new and os.path.exists(target):
                say("{} already exists. Skipping download".format(target))
                continue
            copy_whole(source, target)
            count += 1
        say("Downloaded {} files out of an estimated total of {}".format(count, len(found)))
        return count

    def _local(self, path):
        """The local path behind `path` on this datastore; UserErrorException when it leads out of it."""
        parts = [p for p in (path or "").replace("\\", "/").split("/") if p not in ("", ".")]
        if ".." in parts or "\0" in (path or ""):
            raise _user_error("The path {!r} leads out of datastore '{}'. Leave out the '..'.".format(path, self._name))
        return os.path.join(self._root, *parts)

    def _files_at(self, prefix, is_declared=False):
        """[(path on the datastore, local path)] at or below `prefix`: a file, a folder, or the start of names.

        `is_declared`: they are an input of the step that asks, so that nobody need be told.
        """
        whole = (prefix or "").strip("/")
        at = self._local(whole)
        self._pull(whole)
        if not os.path.exists(at):
            self._pull(whole.rpartition("/")[0])
        root = self._root
        is_folder = os.path.isdir(at)
        place = at if is_folder or os.path.isfile(at) else os.path.dirname(at)
        observed.pass_over(place) if is_declared else observed.read_files(self, place)
        if os.path.isfile(at):
            return [(whole, at)]
        base = at if is_folder else os.path.dirname(at)
        found = []
        for folder, folders, files in os.walk(base, followlinks=True):
            folders[:] = sorted(f for f in folders if f != ".staging")
            below = os.path.relpath(folder, root).replace(os.sep, "/")
            start = "" if below == "." else below + "/"
            for file in sorted(files):
                if is_folder or (start + file).startswith(whole):
                    found.append((start + file, folder + os.sep + file))
        return found


def local_path(path):
    """A path of the caller's machine, absolute; ~ is the caller's home, as in a shell."""
    return os.path.abspath(os.path.expanduser(os.fspath(path)))


def files_below(folder):
    """Every file below `folder`, sorted; links to folders are followed, but not in a circle. Broken links are an error."""
    return sorted(_found_below(folder, os.path.realpath(folder)))


def _found_below(folder, real):
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file():
                yield entry.path
            elif entry.is_dir():
                inner = os.path.realpath(entry.path) if entry.is_symlink() else os.path.join(real, entry.name)
                if not (real + os.sep).startswith(inner.rstrip(os.sep) + os.sep):  # a link to where it lies never ends
                    for found in _found_below(entry.path, inner):
                        yield found
            elif entry.is_symlink():
                raise _user_error(
                    "upload: {} is a link to {}, which does not exist.".format(entry.path, os.readlink(entry.path))
                )


def _upload_one(file, target, before):
    """Copies one file of those that were found."""
    try:
        copy_whole(file, target)
    except FileNotFoundError:
        if os.path.exists(file):
            raise
        raise _user_error(
            "upload: {} was removed while its folder was being uploaded. Upload again; files that are up: {}.".format(
                file, before
            )
        ) from None


def copy_whole(source, target):
    """A copy of the file that is there whole or not at all."""
    partial = "{}.{}.partial".format(target, os.getpid())
    try:
        _copy(source, partial)
        os.replace(partial, target)
    except BaseException:
        if os.path.exists(partial):
            os.unlink(partial)
        raise


def _copy(source, target):
    """The bytes of `source` in a new file that all may read."""
    reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        try:
            writing = os.open(target, flags, 0o644)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
            writing = os.open(target, flags, 0o644)
        try:
            os.fchmod(writing, 0o644)
            then = os.fstat(reading)
            left = then.st_size or None  # not further: a file that grows as quickly as it is read would never end
            while left is None or left > 0:
                piece = os.read(reading, 1 << 20 if left is None else min(left, 1 << 20))
                if not piece:
                    break
                left = None if left is None else left - len(piece)
                view = memoryview(piece)
                while view:
                    view = view[os.write(writing, view) :]
            now = os.fstat(reading)
            if (now.st_size, now.st_mtime_ns) != (then.st_size, then.st_mtime_ns):
                raise _user_error(
                    "{} was written to while it was being copied. Try again when nothing writes to it.".format(source)
                )
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _common_folder(files):
    if not files:
        return os.getcwd()
    return os.path.commonpath([os.path.dirname(f) for f in files])


def _shown(target_path, relative):
    return "/".join(p for p in ((target_path or "").strip("/"), relative) if p)


def _silent(*args):
    pass
