"""Run inside a step's interpreter, as `python -c`: what it would find modules by, as one line of JSON.

Python 3.8 and later, standard library only.
"""

import sys

MARK = "penstock-probe:"


def _editable_code():
    # type: () -> object
    """[class, its module, {name: [path]}] of each finder there is; None in place of paths where it does not tell any."""
    found = []
    for finder in sys.meta_path:
        kind = finder if isinstance(finder, type) else type(finder)
        module = sys.modules.get(kind.__module__)
        tables = [getattr(module, "MAPPING", None), getattr(module, "NAMESPACES", None)]
        tables.append(getattr(finder, "known_source_files", None))
        told = [table for table in tables if isinstance(table, dict)]
        paths = {}  # type: dict[str, list[str]]
        for table in told:
            for name, places in table.items():
                each = places if isinstance(places, (list, tuple)) else [places]
                paths.setdefault(str(name), []).extend(str(place) for place in each)
        found.append([kind.__name__, kind.__module__, paths if told else None])
    return found


def look():
    # type: () -> dict[str, object]
    """What the server cannot see from outside."""
    import os

    site = sys.modules.get("site")
    custom = [getattr(sys.modules.get(name), "__file__", None) for name in ("sitecustomize", "usercustomize")]
    version = "%d.%d.%d" % sys.version_info[:3]
    if sys.version_info[3] != "final":
        version += "%s%d" % sys.version_info[3:5]
    return {
        "python": "%s %s %s" % (sys.implementation.name, version, sys.implementation.cache_tag),
        "platform": "%s %s" % (sys.platform, os.uname().machine),
        "path": [os.path.abspath(p) for p in sys.path if p],
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "stdlib": os.path.dirname(os.path.abspath(os.__file__)),
        "user_site": getattr(site, "USER_SITE", None) if getattr(site, "ENABLE_USER_SITE", None) else None,
        "editable": _editable_code(),
        "custom": [path for path in custom if path],
    }


if __name__ == "__main__":
    import json

    sys.stdout.write("\n" + MARK + json.dumps(look()) + "\n")
