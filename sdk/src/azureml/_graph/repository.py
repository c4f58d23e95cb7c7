"""What git says of the author's folder, read from .git's own files: no git, no repository, nothing to say."""

import os

_DIRTY_SECONDS = 2


def ask_dirty(folder):
    """Starts to ask git whether the folder's repository has changes; to be handed to git_properties later.

    Asked early, it costs a submission nothing: git looks while the graph is lowered.
    """
    if _git_folder(os.path.abspath(folder)) is None:
        return None
    import subprocess

    try:
        return subprocess.Popen(
            ["git", "--no-optional-locks", "-C", folder, "status", "--porcelain"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:  # no git
        return None


def git_properties(folder, asked=None):
    """Run properties with branch, commit, origin and, when it was asked for, dirty state; {} outside a repository."""
    git = _git_folder(os.path.abspath(folder))
    if git is None:
        return {}
    common = _text(os.path.join(git, "commondir"))
    common = os.path.normpath(os.path.join(git, common)) if common else git
    branch, commit = _head(git, common)
    facts = {"branch": branch, "commit": commit, "repository_uri": _origin(common), "dirty": _dirty(asked)}
    properties = {"azureml.git." + key: value for key, value in facts.items() if value}
    twins = {"branch": "branch", "commit": "commit", "repository_uri": "repoURL"}
    properties.update({"mlflow.source.git." + twin: facts[key] for key, twin in twins.items() if facts[key]})
    return properties


def _git_folder(folder):
    while True:
        path = os.path.join(folder, ".git")
        if os.path.isdir(path):
            return path
        if os.path.isfile(path):  # a worktree or a submodule: "gitdir: <path>"
            target = _text(path).partition(":")[2].strip()
            return os.path.normpath(os.path.join(folder, target)) if target else None
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


def _head(git, common):
    head = _text(os.path.join(git, "HEAD"))
    if not head.startswith("ref:"):
        return None, head or None
    name = head[4:].strip()
    branch = name[len("refs/heads/") :] if name.startswith("refs/heads/") else name
    commit = _text(os.path.join(git, name)) or _text(os.path.join(common, name))
    if not commit:
        for line in _text(os.path.join(common, "packed-refs")).splitlines():
            if line.endswith(" " + name):
                commit = line.split()[0]
    return branch, commit or None


def _origin(common):
    section = None
    for line in _text(os.path.join(common, "config")).splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line
        elif section == '[remote "origin"]' and line.partition("=")[0].strip() == "url":
            return _without_password(line.partition("=")[2].strip())
    return None


def _without_password(url):
    """The address without what stands before `@` in https://user:password@host: properties are shown to everybody."""
    scheme, mark, rest = url.partition("://")
    host = rest.partition("/")[0]
    if mark and "@" in host:
        return scheme + mark + rest[host.rindex("@") + 1 :]
    return url


def _dirty(asked):
    """'True' or 'False'; None when git is absent or slow."""
    if asked is None:
        return None
    import subprocess

    try:
        said, _ = asked.communicate(timeout=_DIRTY_SECONDS)
    except (OSError, subprocess.SubprocessError):
        asked.kill()
        asked.communicate()
        return None
    if asked.returncode != 0:
        return None
    return "True" if said.strip() else "False"


def _text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
