"""RunFiles: what a run keeps. In the run's own step a file goes to the job folder and the journal; elsewhere over HTTP.

Needs `_own_job()` (the Journal of this process when it is this run's, else None), `_call`, `_client`, `_files_path`.
"""

import os

from azureml._client.sending import opened, pieces
from azureml._paths import local


def _user_error(message):
    from azureml.exceptions import UserErrorException

    return UserErrorException(message)


def checked_name(name):
    """`name` as the name of a file of a run: relative, with slashes."""
    text = os.fspath(name).replace("\\", "/") if name else ""
    while text.startswith("./"):
        text = text[2:]
    parts = text.split("/")
    if not text or "\0" in text or text.startswith("/") or ".." in parts or "" in parts[:-1] or text.endswith("/"):
        raise _user_error(
            "The file name {!r} is invalid. Give a relative path such as outputs/model.pkl, without '..'.".format(name)
        )
    return text


class RunFiles:
    """The file methods of a run."""

    def upload_file(self, name, path_or_stream, datastore_name=None):
        """Keeps a local file, or what a stream holds, under `name`."""
        read = getattr(path_or_stream, "read", None)
        if read is None:
            path = local(path_or_stream)
            if not os.path.isfile(path):
                what = "is a folder; use upload_folder" if os.path.isdir(path) else "does not exist"
                raise _user_error("upload_file: {} {}.".format(path, what))
            return self._keep_file(checked_name(name), path)
        content = read()
        return self._keep_bytes(checked_name(name), content.encode("utf-8") if isinstance(content, str) else content)

    def upload_files(self, names, paths, return_artifacts=False, timeout_seconds=None, datastore_name=None):
        names, paths = list(names), list(paths)
        if len(names) != len(paths):
            raise _user_error(
                "upload_files takes one path for each name, but there are {} names and {} paths.".format(
                    len(names), len(paths)
                )
            )
        for name, path in zip(names, paths):
            self.upload_file(name, path, datastore_name)

    def upload_folder(self, name, path, datastore_name=None):
        """Keeps every file below `path`, under `name`."""
        from azureml._client.tars import tree_entries

        path = local(path)
        if not os.path.isdir(path):
            raise _user_error("upload_folder: there is no folder {}.".format(path))
        for entry, file in tree_entries(path, checked_name(name)):
            self._keep_file(entry, file)

    def get_file_names(self):
        """The names of the files that the run keeps, its logs among them."""
        return [f["name"] for f in self._files()]

    def download_file(self, name, output_file_path=None, _validate_checksum=False):
        """Writes one file of the run to `output_file_path` (default: its own name, here)."""
        base = os.path.basename(name)
        target = local(output_file_path or base)
        if os.path.isdir(target) or str(target).endswith(("/", os.sep)):
            target = os.path.join(target, base)
        names = self.get_file_names()
        if name not in names:
            raise _user_error(
                "File with path {} was not found,\navailable files include: {}.".format(name, ",".join(names) or "none")
            )
        self._fetch(name, target)

    def download_files(
        self,
        prefix=None,
        output_directory=None,
        output_paths=None,
        batch_size=100,
        append_prefix=True,
        timeout_seconds=None,
    ):
        """Writes every file whose name starts with `prefix` below `output_directory`."""
        folder = local(output_directory or ".")
        names = [n for n in self.get_file_names() if not prefix or n.startswith(prefix)]
        if output_paths is not None:
            targets = [output_paths] if isinstance(output_paths, str) else list(output_paths)
            if len(targets) != len(names):
                raise _user_error(
                    "download_files: there are {} files with prefix {!r} and {} output_paths.".format(
                        len(names), prefix, len(targets)
                    )
                )
        else:
            targets = [
                n if append_prefix or not prefix else n[len(prefix) :].lstrip("/") or os.path.basename(n) for n in names
            ]
        for name, target in zip(names, targets):
            self._fetch(name, _beneath(folder, target) if output_paths is None else os.path.join(folder, local(target)))

    def get_all_logs(self, destination=None):
        """Downloads the logs; their local paths."""
        folder = local(destination or ".")
        names = [n for n in self.get_file_names() if n.split("/")[0] in ("logs", "azureml-logs", "user_logs")]
        paths = [_beneath(folder, n) for n in names]
        for name, path in zip(names, paths):
            self._fetch(name, path)
        return paths

    # --- where they go ----------------------------------------------------------------------------------------------

    def _keep_file(self, name, path):
        own = self._own_job()
        with opened(path) as source:
            size = os.fstat(source.fileno()).st_size
            if own is None:
                self._client.put_file(self._files_path(name), source, size)
            else:
                self._keep_in_job(own, name, source, size)

    def _keep_bytes(self, name, content):
        import io

        own = self._own_job()
        if own is None:
            self._client.put_file(self._files_path(name), io.BytesIO(content), len(content))
        else:
            self._keep_in_job(own, name, io.BytesIO(content), len(content))

    def _keep_in_job(self, own, name, source, size):
        relative = "files/" + name
        target = os.path.join(own.job, *relative.split("/"))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        partial = "{}.{}.partial".format(target, os.getpid())
        try:
            with open(partial, "wb") as out:
                for piece in pieces(
                    source, size or None
                ):  # what says that it is empty may be a pipe, or a file of /proc
                    out.write(piece)
                size = out.tell()
            os.replace(partial, target)
        except BaseException:
            if os.path.exists(partial):
                os.unlink(partial)
            raise
        self._record({"op": "artifact", "name": name, "path": relative, "size_bytes": size})

    def _files(self):
        answer = self._call("GET", "runs/{}/files".format(self.id))
        return answer["value"] if isinstance(answer, dict) else answer

    def _fetch(self, name, target):
        os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
        partial = "{}.{}.partial".format(target, os.getpid())
        try:
            with open(partial, "wb") as out:
                self._client.get_file(self._files_path(name), out)
            os.replace(partial, target)
        except BaseException:
            if os.path.exists(partial):
                os.unlink(partial)
            raise

    def _text_of(self, name):
        """The text of one file; '' when the run has none of that name."""
        import io

        from azureml.exceptions import UserErrorException

        content = io.BytesIO()
        try:
            self._client.get_file(self._files_path(name), content)
        except UserErrorException as error:
            if error.code != "NotFound":
                raise
        return content.getvalue().decode("utf-8", "replace")


def _beneath(folder, name):
    """`folder/name`; refused when the name, which a script chose, leads out of the folder."""
    if ".." in name.replace("\\", "/").split("/") or os.path.isabs(name):
        raise _user_error(
            "The run's file {!r} leads out of the folder it would be downloaded to. Fetch it with download_file.".format(
                name
            )
        )
    return os.path.join(folder, name)
