"""Section: the base of the settings objects of RunConfiguration and Environment, and their camelCase form."""


class Section:
    """Named settings. A subclass lists them in `_defaults`; a callable default is called for each object.

    Setting one that does not exist warns, so that a misspelt one is heard of and old code goes on.
    """

    _defaults = {}
    _camel = {}  # names whose camelCase form is not the obvious one

    def __init__(self, **kwargs):
        for name, default in self._defaults.items():
            self.__dict__[name] = default() if callable(default) else default
        for name, value in kwargs.items():
            if name.startswith("_"):
                continue
            if name not in self._defaults:
                raise ValueError("{} has no setting {!r}.".format(type(self).__name__, name))
            setattr(self, name, value)

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.__annotations__ = dict.fromkeys(cls._defaults, object)  # for who asks a class what its settings are

    def __setattr__(self, name, value):
        known = name.startswith("_") or name in self._defaults or isinstance(getattr(type(self), name, None), property)
        if not known:
            import warnings

            warnings.warn(
                "{} has no setting {!r}, so it does nothing. It has: {}.".format(
                    type(self).__name__, name, ", ".join(sorted(self._defaults))
                ),
                UserWarning,
                stacklevel=2,
            )
        object.__setattr__(self, name, value)

    def _as_dict(self):
        """The settings in camelCase, ready for JSON."""
        return {self._camel.get(name) or camel(name): plain(getattr(self, name)) for name in self._defaults}

    def _take(self, values, where):
        """Reads settings from their camelCase (or snake_case) form; unknown keys are ignored, as newer writers add some."""
        if values is None:
            return self
        if not isinstance(values, dict):
            raise ValueError("{} must be a map, but is {!r}.".format(where, values))
        for name in self._defaults:
            for key in (self._camel.get(name) or camel(name), name):
                if key in values:
                    self._take_one(name, values[key], "{}.{}".format(where, key))
        return self

    def _take_one(self, name, value, where):
        current = getattr(self, name)
        if isinstance(current, Section):
            current._take(value, where)
        elif value is None and isinstance(current, (dict, list)):
            return
        else:
            setattr(self, name, value)

    def __repr__(self):
        import json

        return json.dumps(self._as_dict(), indent=4)

    def __eq__(self, other):
        return type(self) is type(other) and self._as_dict() == other._as_dict()

    __hash__ = None


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def plain(value):
    """`value` as JSON takes it."""
    if hasattr(value, "_as_dict"):
        return value._as_dict()
    if hasattr(value, "as_dict"):
        return value.as_dict()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def number(value, what, least=None, kind=int):
    """`value` as a number; settings often come from os.environ as text. UserErrorException for what is none."""
    from azureml.exceptions import UserErrorException

    try:
        if isinstance(value, bool):
            raise ValueError
        result = kind(value)
    except (TypeError, ValueError):
        raise UserErrorException("{} must be a number, but is {!r}.".format(what, value)) from None
    if least is not None and result < least:
        raise UserErrorException("{} must be at least {}, but is {!r}.".format(what, least, value))
    return result
