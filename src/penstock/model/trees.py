"""A tree of files as an identity, and what of it does not count."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tree:
    """What a place holds. `kind`: directory, file or missing. `digest` is '' when it is missing."""

    kind: str
    digest: str
    n_files: int
    size_bytes: int


@dataclass(frozen=True)
class Skip:
    """What a digest leaves out: names in the root alone, names everywhere, endings of names everywhere; with `only`, files that end otherwise."""

    top: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    endings: tuple[str, ...] = ()
    only: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Differs where what is left out differs; '' for nothing."""
        if self == NOTHING:
            return ""
        return repr((sorted(self.top), sorted(self.names), sorted(self.endings), sorted(self.only)))


NOTHING = Skip()
STAGING = Skip(top=frozenset({".staging"}))  # of a datastore's root: what runs are writing, and have not published
