"""The YAML that configuration files are written in: block maps and lists, flow lists and maps, quoted and plain scalars, literal blocks.

No anchors, tags or several documents: those are refused with the line. A library would be a dependency for ten-line files.
"""

_BLANK = " \t"


class YamlError(ValueError):
    """Text that is not YAML, or YAML beyond this reader; says the line."""


class _Line:
    __slots__ = ("indent", "number", "text")

    def __init__(self, number, indent, text):
        self.number = number
        self.indent = indent
        self.text = text


def load(text):
    """The value that `text` says: dict, list, str, int, float, bool or None."""
    reader = _Reader(text)
    if not reader.lines:
        return None
    value = reader.block(reader.lines[0].indent)
    if reader.at < len(reader.lines):
        reader.fail("is indented in a way that fits nothing above it")
    return value


class _Reader:
    def __init__(self, text):
        self.raw = text.replace("\r\n", "\n").split("\n")
        self.lines = []
        self.at = 0
        for number, raw in enumerate(self.raw, 1):
            body = _without_comment(raw).rstrip(_BLANK)
            stripped = body.lstrip(" ")
            if not stripped or (stripped == "---" and not self.lines):
                continue
            if stripped.startswith("\t"):
                raise YamlError("Line {}: a tab cannot indent YAML. Use spaces.".format(number))
            self.lines.append(_Line(number, len(body) - len(stripped), stripped))

    def fail(self, what):
        line = self.lines[min(self.at, len(self.lines) - 1)]
        raise YamlError("Line {} {}: {!r}.".format(line.number, what, line.text))

    def block(self, indent):
        line = self.lines[self.at]
        if line.text == "-" or line.text.startswith("- "):
            return self.sequence(indent)
        if _key_end(line.text) is not None:
            return self.mapping(indent)
        self.at += 1
        return self.scalar(line)

    def sequence(self, indent):
        items = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.indent != indent or not (line.text == "-" or line.text.startswith("- ")):
                break
            rest = line.text[1:].lstrip(" ")
            if not rest:
                self.at += 1
                items.append(self.nested(indent))
            else:
                # The rest of the line is a block of its own, indented by where it starts.
                line.indent += len(line.text) - len(rest)
                line.text = rest
                items.append(self.block(line.indent))
        return items

    def mapping(self, indent):
        found = {}
        while self.at < len(self.lines) and self.lines[self.at].indent == indent:
            line = self.lines[self.at]
            end = _key_end(line.text)
            if end is None:
                if line.text.startswith("- "):
                    break
                self.fail("is no `key: value`")
            key = _scalar(line.text[:end].strip(_BLANK), line.number)
            rest = line.text[end + 1 :].strip(_BLANK)
            if key in found:
                self.fail("repeats the key {!r}".format(key))
            self.at += 1
            if rest[:1] in ("|", ">"):
                found[key] = self.text_block(indent, rest, line.number)
            elif rest:
                found[key] = self.scalar(_Line(line.number, indent, rest))
            else:
                found[key] = self.nested(indent, in_mapping=True)
        return found

    def nested(self, indent, in_mapping=False):
        if self.at >= len(self.lines):
            return None
        line = self.lines[self.at]
        is_item = line.text == "-" or line.text.startswith("- ")
        if line.indent > indent or (in_mapping and is_item and line.indent == indent):
            return self.block(line.indent)
        return None

    def text_block(self, indent, style, number):
        lines, last = [], number
        for raw in self.raw[number:]:
            if raw.strip() and len(raw) - len(raw.lstrip(" ")) <= indent:
                break
            lines.append(raw)
            last += 1
        while self.at < len(self.lines) and self.lines[self.at].number <= last:
            self.at += 1
        margin = min((len(x) - len(x.lstrip(" ")) for x in lines if x.strip()), default=0)
        lines = [x[margin:] for x in lines]
        while lines and not lines[-1].strip():
            lines.pop()
        joined = ("\n" if style[0] == "|" else " ").join(lines)
        return joined if style.endswith("-") or not joined else joined + "\n"

    def scalar(self, line):
        text = line.text
        if text[:1] in "[{":
            # A flow collection may go on over the next lines.
            while _depth(text) > 0 and self.at < len(self.lines):
                text += " " + self.lines[self.at].text
                self.at += 1
            value, end = _flow(text, 0, line.number)
            if text[end:].strip():
                raise YamlError("Line {}: unexpected {!r}.".format(line.number, text[end:].strip()))
            return value
        if text[:1] in "&*!%@`":
            raise YamlError("Line {}: anchors, aliases and tags are not read here: {!r}.".format(line.number, text))
        return _scalar(text, line.number)


def _quote_end(text, start):
    """Where the quote that opens at `start` closes; -1 when it does not."""
    quote, index = text[start], start + 1
    while index < len(text):
        if quote == '"' and text[index] == "\\":
            index += 1
        elif text[index] == quote:
            if quote == "'" and text[index + 1 : index + 2] == "'":
                index += 1
            else:
                return index
        index += 1
    return -1


def _without_comment(raw):
    index = 0
    while index < len(raw):
        char = raw[index]
        if char in "\"'" and (index == 0 or raw[index - 1] in " -[{,"):
            end = _quote_end(raw, index)
            if end < 0:
                return raw
            index = end
        elif char == "#" and (index == 0 or raw[index - 1] in _BLANK):
            return raw[:index]
        index += 1
    return raw


def _key_end(text):
    """Where the colon after a key stands; None when the text is no `key: …`."""
    if text[:1] in "\"'":
        close = _quote_end(text, 0)
        rest = text[close + 1 :].lstrip(_BLANK)
        if close > 0 and rest[:1] == ":":
            return text.index(":", close)
        return None
    if text[:1] in "[{":
        return None
    for index, char in enumerate(text):
        if char == ":" and (index + 1 == len(text) or text[index + 1] in " \t"):
            return index
    return None


def _depth(text):
    return sum(text.count(c) for c in "[{") - sum(text.count(c) for c in "]}")


def _flow(text, at, number):
    at = _skip(text, at)
    if text[at : at + 1] == "[":
        items, at = [], _skip(text, at + 1)
        while text[at : at + 1] != "]":
            item, at = _flow(text, at, number)
            items.append(item)
            at = _after_item(text, at, "]", number)
        return items, at + 1
    if text[at : at + 1] == "{":
        found, at = {}, _skip(text, at + 1)
        while text[at : at + 1] != "}":
            key, at = _flow(text, at, number)
            at = _skip(text, at)
            if text[at : at + 1] != ":":
                raise YamlError("Line {}: `:` expected in {!r}.".format(number, text))
            found[key], at = _flow(text, at + 1, number)
            at = _after_item(text, at, "}", number)
        return found, at + 1
    return _flow_scalar(text, at, number)


def _flow_scalar(text, at, number):
    if text[at : at + 1] in ("'", '"'):
        end = _quote_end(text, at)
        if end < 0:
            raise YamlError("Line {}: a quote is not closed: {!r}.".format(number, text))
        return _scalar(text[at : end + 1], number), end + 1
    end = at
    while (
        end < len(text) and text[end] not in ",]}" and not (text[end] == ":" and text[end + 1 : end + 2] in (" ", ""))
    ):
        end += 1
    return _scalar(text[at:end].strip(_BLANK), number), end


def _after_item(text, at, close, number):
    at = _skip(text, at)
    if text[at : at + 1] == ",":
        return _skip(text, at + 1)
    if text[at : at + 1] != close:
        raise YamlError("Line {}: `,` or `{}` expected in {!r}.".format(number, close, text))
    return at


def _skip(text, at):
    while at < len(text) and text[at] in " \t":
        at += 1
    return at


_CONSTANTS = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_CONSTANTS.update({"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False})
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "/": "/", "0": "\0"}


def _scalar(text, number=0):
    if text[:1] in ("'", '"'):
        if len(text) < 2 or text[-1] != text[0]:
            raise YamlError("Line {}: a quote is not closed: {!r}.".format(number, text))
        body = text[1:-1]
        return body.replace("''", "'") if text[0] == "'" else _unescaped(body)
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[:1] in "+-.0123456789":
        for kind in (int, float):
            try:
                return kind(text.replace("_", "x"))  # Python's 1_000 is text in YAML
            except ValueError:
                pass
    return text


def _unescaped(body):
    if "\\" not in body:
        return body
    parts, index = [], 0
    while index < len(body):
        if body[index] == "\\" and index + 1 < len(body):
            parts.append(_ESCAPES.get(body[index + 1], body[index : index + 2]))
            index += 2
        else:
            parts.append(body[index])
            index += 1
    return "".join(parts)


def dump(value):
    """`value` as YAML; `load` gives it back."""
    return "\n".join(_lines(value, "")) + "\n"


def _lines(value, indent):
    if isinstance(value, dict) and value:
        for key, item in value.items():
            if isinstance(item, (dict, list, tuple)) and item:
                yield "{}{}:".format(indent, _text(key))
                for line in _lines(item, indent + ("  " if isinstance(item, dict) else "")):
                    yield line
            else:
                yield "{}{}: {}".format(indent, _text(key), _text(item))
    elif isinstance(value, (list, tuple)) and value:
        for item in value:
            inner = list(_lines(item, indent + "  "))
            yield indent + "- " + inner[0][len(indent) + 2 :]
            for line in inner[1:]:
                yield line
    else:
        yield indent + _text(value)


def _text(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, (list, tuple)):
        return "[]"
    if isinstance(value, (int, float)):
        return repr(value)
    text = str(value)
    plain = text and text.strip() == text and text.isprintable() and _scalar_is_plain(text)
    if plain:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'


def _scalar_is_plain(text):
    if (
        text[0] in "-?:,[]{}#&*!|>'\"%@`"
        or any(mark in text for mark in (": ", " #", "\n", "\t"))
        or text.endswith(":")
    ):
        return False
    return _scalar(text) == text
