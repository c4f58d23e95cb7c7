"""What `dataset['column'] > 1` is: an expression that a filter keeps in the dataset's definition. Evaluates nothing."""


class Expression:
    """Combined by comparison, & | and ~, as in pandas."""

    def __init__(self, content):
        self._content = content

    def __gt__(self, other):
        return _combined("gt", self, other)

    def __ge__(self, other):
        return _combined("ge", self, other)

    def __lt__(self, other):
        return _combined("lt", self, other)

    def __le__(self, other):
        return _combined("le", self, other)

    def __eq__(self, other):
        return _combined("eq", self, other)

    def __ne__(self, other):
        return _combined("ne", self, other)

    def __and__(self, other):
        return _combined("and", self, other)

    def __or__(self, other):
        return _combined("or", self, other)

    def __invert__(self):
        return Expression({"op": "not", "of": [self._content]})

    def __bool__(self):
        raise TypeError("A dataset's filter cannot be used as True or False. Combine with & and | in place of and, or.")

    __hash__ = None


def content(value):
    """The JSON of an expression, or of a plain value in one."""
    if isinstance(value, Expression):
        return value._content
    if hasattr(value, "isoformat"):
        return {"datetime": _utc(value).isoformat()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return {"value": value}
    item = getattr(value, "item", None)
    if callable(item):
        return {"value": item()}
    raise TypeError("A dataset's filter cannot compare with {!r}.".format(value))


def _utc(moment):
    """A moment as tables hold them: in UTC, without a zone."""
    if getattr(moment, "tzinfo", None) is None:
        return moment
    import datetime

    return moment.astimezone(datetime.timezone.utc).replace(tzinfo=None)


def _combined(op, left, right):
    return Expression({"op": op, "of": [content(left), content(right)]})
