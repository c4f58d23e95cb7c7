"""What http(s) addresses hold, kept in the home and asked for again only when the server says that it changed (etag)."""

import hashlib
import json
import os

from azureml._runs import observed


def fetched(url):
    """The local copy of what a URL holds now. FileNotFoundError with the reason when it cannot be had."""
    import urllib.error
    import urllib.request

    observed.pass_over(_folder())
    target = kept(_folder(), url)
    folder = os.path.dirname(target)
    notes = os.path.join(folder, ".answer.json")
    request = urllib.request.Request(url, headers=_conditions(target, notes))
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            _keep(answer, folder, target, notes)
    except urllib.error.HTTPError as error:
        if error.code == 304:
            return target
        raise FileNotFoundError("{} could not be read: {}.".format(url, error)) from None
    except (OSError, ValueError) as error:
        raise FileNotFoundError("{} could not be read: {}.".format(url, error)) from None
    return target


def kept(folder, url):
    """Where below a folder for URLs a copy of what this one holds lies. The server's pins use the same."""
    from urllib.parse import unquote, urlsplit

    name = unquote(os.path.basename(urlsplit(url).path)) or "data"
    return os.path.join(folder, hashlib.sha256(url.encode("utf-8")).hexdigest()[:32], name.replace("\0", "_"))


def _folder():
    from azureml._client.home import home_path

    home = home_path()
    if os.path.isdir(home):
        return os.path.join(home, "cache", "urls")
    import tempfile

    return os.path.join(tempfile.gettempdir(), "penstock-urls-{}".format(os.getuid()))


def _conditions(target, notes):
    """The headers that let the server answer "not modified"; none when there is no copy, or nothing to tell it by."""
    try:
        with open(notes, encoding="utf-8") as file:
            kept = json.load(file)
        if os.path.getsize(target) != kept["size"]:
            return {}
    except (OSError, ValueError, KeyError):
        return {}
    wanted = {"If-None-Match": kept.get("etag"), "If-Modified-Since": kept.get("modified")}
    return {k: v for k, v in wanted.items() if v}


def _keep(answer, folder, target, notes):
    import shutil

    os.makedirs(folder, mode=0o700, exist_ok=True)
    partial = "{}.{}.partial".format(target, os.getpid())
    try:
        with open(partial, "wb") as out:
            shutil.copyfileobj(answer, out, 1 << 20)
        length = answer.headers.get("Content-Length")
        size = os.path.getsize(partial)
        if length is not None and int(length) != size:
            raise OSError("the connection broke after {:,} of {:,} bytes".format(size, int(length)))
        os.replace(partial, target)
    finally:
        if os.path.exists(partial):
            os.unlink(partial)
    facts = {"etag": answer.headers.get("ETag"), "modified": answer.headers.get("Last-Modified"), "size": size}
    with open(partial, "w", encoding="utf-8") as out:
        json.dump(facts, out)
    os.replace(partial, notes)
