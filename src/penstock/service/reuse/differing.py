"""Which files of an input are others than in an earlier run, from the texts that its digests are of."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.data.texts import Texts, files_of

_SHAPE = "its definition"


def differing(texts: Texts, was: str, now: str) -> list[str]:
    """What of an input's contents `was` is other `now`, a text each: `a.csv is new`. Nothing where that is not known any more."""
    before, after = _parts(texts, was), _parts(texts, now)
    return [] if before is None or after is None else list(_differences(before, after))


def _differences(before: dict[str, bytes], after: dict[str, bytes]) -> Iterator[str]:
    for name in after:
        if name not in before:
            yield f"{name} is new"
        elif before[name] != after[name]:
            yield f"{name} changed"
    yield from (f"{name} is gone" for name in before if name not in after)


def _parts(texts: Texts, contents: str) -> dict[str, bytes] | None:
    """By name what makes these contents (service/reuse/contents.py) what they are."""
    kind, _, digest = contents.partition(":")
    text = texts.find(digest)
    if kind == "directory":
        return None if text is None else files_of(text)
    if kind != "dataset" or text is None:
        return None
    shape, tree, *elsewhere = text.split(b"\n")
    files = texts.find(tree.decode()) if tree else b""
    if files is None:
        return None
    urls = (place.decode("utf-8", "backslashreplace").partition(" ") for place in elsewhere if place)
    return {_SHAPE: shape, **files_of(files), **{url: mark.encode() for url, _, mark in urls}}
