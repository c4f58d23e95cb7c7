"""Which files of a source folder are left out: gitignore patterns, matched as git matches them. Reads nothing itself."""

import re

ALWAYS = frozenset((".git", "__pycache__", ".ipynb_checkpoints"))


class IgnoreRules:
    """The rules of one `.amlignore` or `.gitignore`. The last pattern that matches decides; `!` takes a file back."""

    def __init__(self, lines=()):
        self._rules = []
        for line in lines:
            rule = _rule(line)
            if rule is not None:
                self._rules.append(rule)

    def ignores(self, path, is_dir):
        """Whether `path` (relative, with slashes) is left out. What lies in an ignored folder is not asked for at all."""
        name = path.rpartition("/")[2]
        if name in ALWAYS or (not is_dir and name.endswith((".pyc", ".pyo"))):
            return True
        for pattern, negated, only_dirs in reversed(self._rules):
            if (is_dir or not only_dirs) and pattern.match(path):
                return not negated
        return False


def _rule(line):
    """(compiled pattern, negated, folders only) of one line; None for a comment or a blank."""
    line = line.rstrip("\r\n")
    if line.startswith("#"):
        return None
    stripped = line.rstrip(" ")
    if line != stripped and stripped.endswith("\\"):
        stripped += " "  # an escaped space at the end counts
    negated = stripped.startswith("!")
    text = stripped[1:] if negated else stripped
    only_dirs = text.endswith("/")
    text = text.rstrip("/") if only_dirs else text
    if not text:
        return None
    anchored = "/" in text
    text = text.lstrip("/") if text.startswith("/") else text
    try:
        return re.compile(("" if anchored else "(?:.*/)?") + _translated(text) + r"\Z", re.DOTALL), negated, only_dirs
    except re.error:
        return None  # an unfinished [class]: git matches nothing with it


def _translated(text):
    out, i, n = [], 0, len(text)
    while i < n:
        char = text[i]
        if text.startswith("**/", i) and (i == 0 or text[i - 1] == "/"):
            out.append("(?:.*/)?")
            i += 3
        elif text.startswith("/**", i) and i + 3 == n:
            out.append("/.+")
            i += 3
        elif char == "*":
            while i < n and text[i] == "*":
                i += 1
            out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
            i += 1
        elif char == "[":
            end, klass = _class(text, i)
            out.append(klass)
            i = end
        elif char == "\\" and i + 1 < n:
            out.append(re.escape(text[i + 1]))
            i += 2
        else:
            out.append(re.escape(char))
            i += 1
    return "".join(out)


def _class(text, start):
    """(index after it, regular expression) of the bracket expression at `start`."""
    i = start + 1
    negated = text[i : i + 1] in ("!", "^")
    if negated:
        i += 1
    end = text.find("]", i + 1)
    if end < 0:
        raise re.error("unfinished class")
    inside = text[i:end].replace("\\", "\\\\").replace("[", "\\[")
    return end + 1, "(?!/)[{}{}]".format("^" if negated else "", inside)
