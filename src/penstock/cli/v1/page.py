"""`python -m penstock.cli.v1.page`: writes docs/differences.md of the checkout that it is run in."""

from __future__ import annotations

from pathlib import Path

from penstock.cli.v1.table import PAGE, page

if __name__ == "__main__":
    Path(PAGE).write_text(page())
