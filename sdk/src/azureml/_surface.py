"""`python -m azureml._surface`: what these packages carry, as one JSON document on stdout, for tools that read code without running it.

    {"modules": {module: {name: full name}}, "classes": {full name: {"bases", "members": {name: {"kind", "parameters"?, "more"?, "built"?}}, "open"}},
     "functions": {full name: {"parameters", "more", "built"}}}

`parameters` are names in order; `more` says that any other keyword is taken; `built` is false where nothing stands but an error;
`open` says that attributes are made as they are asked for.
Knows Python's introspection; must not be imported by anything that a step loads.
"""

import dis
import importlib
import inspect
import json
import pkgutil
import sys


def surface():
    modules, classes, functions = {}, {}, {}
    for name in sorted(_modules("azureml") | _modules("azureml_user")):
        module = importlib.import_module(name)
        modules[name] = {}
        for public in dir(module):
            if public.startswith("__"):
                continue
            modules[name][public] = _named(getattr(module, public), name + "." + public, classes, functions)
    return {"modules": modules, "classes": classes, "functions": functions}


def _modules(package):
    found = {package}
    for info in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        if not info.name.endswith("__main__"):
            found.add(info.name)
    return found


def _named(value, path, classes, functions):
    """The full name of `value`, its description put where it belongs."""
    full = "{}.{}".format(getattr(value, "__module__", None), getattr(value, "__qualname__", None))
    if not full.startswith(("azureml.", "azureml_user.")):
        return path
    if inspect.isclass(value):
        if full not in classes:
            classes[full] = None  # entered before its members, which may name it
            classes[full] = _class(value, classes, functions)
        return full
    if inspect.isfunction(value):
        functions.setdefault(full, _parameters(value, False))
        return full
    return path


def _class(owner, classes, functions):
    members = {"__init__": dict(_parameters(owner.__init__, True), kind="method")}
    if owner.__init__ is object.__init__ and owner.__new__ is not object.__new__:
        members["__init__"] = dict(_parameters(owner.__new__, True), kind="method")
    for name in dir(owner):
        if name.startswith("__"):
            continue
        raw = inspect.getattr_static(owner, name)
        if isinstance(raw, (staticmethod, classmethod)):
            members[name] = dict(_parameters(raw.__func__, isinstance(raw, classmethod)), kind="static")
        elif inspect.isfunction(raw):
            members[name] = dict(_parameters(raw, True), kind="method")
        elif inspect.isclass(raw):
            members[name] = {"kind": "class", "is": _named(raw, name, classes, functions)}
        else:
            members[name] = {"kind": "value"}
    for name in _assigned(owner):
        members.setdefault(name, {"kind": "value"})
    return {
        "bases": [base.__name__ for base in owner.__mro__[:-1]],
        "members": members,
        "open": hasattr(owner, "__getattr__"),
    }


def _assigned(owner):
    """Attributes that methods set, and those that a constructor takes by name."""
    found = set(_parameters(owner.__init__, True)["parameters"])
    for base in owner.__mro__[:-1]:
        found.update(vars(base).get("__annotations__", ()))
        for function in vars(base).values():
            if inspect.isfunction(function):
                stored = dis.get_instructions(function)
                found.update(each.argval for each in stored if each.opname == "STORE_ATTR")
    return found


def _parameters(function, bound):
    try:
        found = list(inspect.signature(function).parameters.values())[1 if bound else 0 :]
    except (TypeError, ValueError):
        return {"parameters": [], "more": True, "built": True}
    named = [p.name for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    return {"parameters": named, "more": any(p.kind is p.VAR_KEYWORD for p in found), "built": _is_built(function)}


def _is_built(function):
    """Whether more stands in it than the error that says it is not built."""
    code = getattr(function, "__code__", None)
    if code is None or not {"not_built", "_not_built"} & set(code.co_names):
        return True
    return any("JUMP" in each.opname or each.opname.startswith("STORE_ATTR") for each in dis.get_instructions(code))


if __name__ == "__main__":
    json.dump(surface(), sys.stdout)
