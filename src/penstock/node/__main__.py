"""The node's command line: `python -I -S -X utf8 <this file> --sockets DIR --home DIR [--idle-seconds N]`.

Run as a file rather than with `-m`, because `-S` leaves the folder that holds penstock off the path: it is appended here.
Options are read by hand: argparse would cost the node more than all the rest of its start.
"""

from __future__ import annotations

import os
import sys


def _options(argv: list[str]) -> dict[str, str]:
    options = {"--idle-seconds": "30"}
    rest = iter(argv)
    for name in rest:
        value = next(rest, None)
        if name not in ("--sockets", "--home", "--idle-seconds") or value is None:
            raise SystemExit(f"The node does not take '{name}'. Give it --sockets DIR --home DIR.")
        options[name] = value
    for name in ("--sockets", "--home"):
        if not os.path.isabs(options.get(name, "")):
            raise SystemExit(f"The node needs {name} with an absolute folder. Add it to the command.")
    return options


def main() -> None:
    options = _options(sys.argv[1:])
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    from penstock.node.node import serve

    sys.exit(serve(options["--sockets"], options["--home"], float(options["--idle-seconds"])))


if __name__ == "__main__":
    main()
