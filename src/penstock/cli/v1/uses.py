"""What a piece of Python uses of the SDK, found in its syntax tree: names imported, members named, parameters given.

Follows plain assignments, loops and `with`, and nothing deeper: of a value whose class cannot be told, nothing is said.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from penstock.cli.v1.kinds import GIVES, SAME, SUBMITTED
from penstock.cli.v1.surface import Call, Class, Surface

PACKAGES = ("azureml", "azureml_user")


@dataclass(frozen=True)
class Use:
    """One name of the SDK at one line. `aliases` are the same under the names of base classes; `is_there` whether the SDK carries it."""

    line: int
    name: str
    aliases: tuple[str, ...] = ()
    is_there: bool = True
    given: tuple[tuple[str, Any], ...] = ()
    unknown: tuple[str, ...] = ()
    is_import: bool = False
    is_built: bool = True


@dataclass(frozen=True)
class Kind:
    """What is known of a value: a module, a class, a function, or an object (a list, a mapping) of a class."""

    form: str
    name: str


@dataclass
class Scope:
    """Names and what they are bound to; a function sees those round it."""

    names: dict[str, Kind] = field(default_factory=dict)

    def inner(self) -> Scope:
        return Scope(dict(self.names))


class Reader(ast.NodeVisitor):
    """Collects `uses` of one tree. `beside` gives the names of a module that lies beside it."""

    def __init__(self, surface: Surface, scope: Scope, beside: Callable[[str], Scope] = lambda module: Scope()) -> None:
        self.surface = surface
        self.scope = scope
        self.uses: list[Use] = []
        self._beside = beside

    # Imports -----------------------------------------------------------------------------------------------------------

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name.split(".")[0] not in PACKAGES:
                continue
            self._import(node, alias.name, (), alias.name in self.surface.modules)
            bound = alias.name if alias.asname else alias.name.split(".")[0]
            self.scope.names[alias.asname or bound] = Kind("module", bound)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level or module.split(".")[0] not in PACKAGES:
            self._import_own(node, module)
            return
        for alias in node.names:
            if alias.name == "*":
                self._import(node, f"{module}.*", (), module in self.surface.modules)
                for public in self.surface.modules.get(module, {}):
                    if (found := self._member_of_module(module, public)) is not None:
                        self.scope.names[public] = found
                continue
            found = self._member_of_module(module, alias.name)
            full = f"{module}.{alias.name}"
            short = found.name.rpartition(".")[2] if found is not None and found.form == "class" else full
            self._import(node, short, (full,), found is not None)
            if found is not None:
                self.scope.names[alias.asname or alias.name] = found

    def _import_own(self, node: ast.ImportFrom, module: str) -> None:
        """The names of the author's own module, bound as they are there."""
        theirs = self._beside(module).names if node.level <= 1 else {}
        for alias in node.names:
            if alias.name == "*":
                self.scope.names.update({n: kind for n, kind in theirs.items() if not n.startswith("_")})
            elif alias.name in theirs:
                self.scope.names[alias.asname or alias.name] = theirs[alias.name]

    def _member_of_module(self, module: str, name: str) -> Kind | None:
        full = f"{module}.{name}"
        if full in self.surface.modules:
            return Kind("module", full)
        path = self.surface.modules.get(module, {}).get(name)
        if path is None:
            return None
        if path in self.surface.described:
            return Kind("class", path)
        return Kind("function" if path in self.surface.functions else "value", path)

    # Binding -----------------------------------------------------------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> None:
        kind = self._kind(node.value)
        for target in node.targets:
            self._bind(target, kind)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._bind(node.target, self._kind(node.value))

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._kind(node)

    def _bind(self, target: ast.expr, kind: Kind | None) -> None:
        if isinstance(target, ast.Name):
            if kind is None:
                self.scope.names.pop(target.id, None)
            else:
                self.scope.names[target.id] = kind
        elif isinstance(target, (ast.Tuple, ast.List)):
            for element in target.elts:
                self._bind(element, None)
        elif isinstance(target, ast.Starred):
            self._bind(target.value, None)
        else:
            self._kind(target)

    def visit_For(self, node: ast.For) -> None:
        self._bind(node.target, _element(self._kind(node.iter)))
        for statement in [*node.body, *node.orelse]:
            self.visit(statement)

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            kind = self._kind(item.context_expr)
            if item.optional_vars is not None:
                self._bind(item.optional_vars, kind)
        for statement in node.body:
            self.visit(statement)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for expression in [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]:
            self._kind(expression)
        outer, self.scope = self.scope, self.scope.inner()
        arguments = node.args
        for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
            self.scope.names.pop(argument.arg, None)
            if argument.annotation is not None and (found := self._kind(argument.annotation)) and found.form == "class":
                self.scope.names[argument.arg] = Kind("object", found.name)
        for statement in node.body:
            self.visit(statement)
        self.scope = outer

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    # Expressions -------------------------------------------------------------------------------------------------------

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.expr):
            return self._kind(node)
        return super().visit(node)

    def _kind(self, node: ast.expr) -> Kind | None:
        """What `node` is, every use within it noted."""
        if isinstance(node, ast.Name):
            return self.scope.names.get(node.id)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.NamedExpr):
            kind = self._kind(node.value)
            self._bind(node.target, kind)
            return kind
        if isinstance(node, ast.Subscript):
            self._kind(node.slice)
            return _element(self._kind(node.value), of_mapping=True)
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
            self._comprehension(node)
            return None
        for child in ast.iter_child_nodes(node):
            self.visit(child)
        return None

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        outer, self.scope = self.scope, self.scope.inner()
        for generator in node.generators:
            self._bind(generator.target, _element(self._kind(generator.iter)))
            for condition in generator.ifs:
                self._kind(condition)
        for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            self._kind(part)
        self.scope = outer

    def _attribute(self, node: ast.Attribute) -> Kind | None:
        base = self._kind(node.value)
        if base is None:
            return None
        if base.form == "module":
            found = self._member_of_module(base.name, node.attr)
            if found is None or found.form != "module":
                self._use(node, f"{base.name}.{node.attr}", is_there=found is not None)
            return found
        owner = self.surface.of_class(base.name) if base.form in ("class", "object") else None
        if owner is None:
            return None
        is_there = owner.has(node.attr)
        call = owner.call(node.attr)
        is_built = call is None or call.is_built
        self._use(node, f"{owner.short}.{node.attr}", _aliases(owner, node.attr), is_there, is_built)
        inner = owner.members.get(node.attr, {}).get("is")
        return Kind("class", inner) if inner else self._gives(owner, node.attr)

    def _gives(self, owner: Class, member: str) -> Kind | None:
        for base in owner.bases:
            if (given := GIVES.get(f"{base}.{member}")) is not None:
                return self._parsed(given)
        return None

    def _parsed(self, text: str) -> Kind | None:
        form = {"[": "list", "{": "dict"}.get(text[0], "object")
        name = text.strip("[]{}")
        full = name if "." in name else self.surface.by_short_name.get(name)
        return Kind(form, full) if full else None

    def _call(self, node: ast.Call) -> Kind | None:
        arguments = [self._kind(argument) for argument in node.args]
        for keyword in node.keywords:
            self._kind(keyword.value)
        if (
            isinstance(node.func, ast.Name)
            and node.func.id in ("next", "list", "iter", "sorted", "reversed")
            and arguments
        ):
            return _element(arguments[0]) if node.func.id == "next" else arguments[0]
        if isinstance(node.func, ast.Attribute):
            return self._call_of_member(node, node.func, arguments)
        return self._made(node, node.func, self._kind(node.func))

    def _made(self, node: ast.Call, func: ast.expr, called: Kind | None) -> Kind | None:
        """What calling a class or a function gives."""
        if called is None:
            return None
        if called.form == "function":
            self._note(node, func, called.name.rpartition(".")[2], (called.name,), self.surface.function(called.name))
        owner = self.surface.of_class(called.name) if called.form == "class" else None
        if owner is None:
            return None
        self._note(node, func, owner.short, owner.bases[1:], owner.call("__init__"))
        given = GIVES.get(owner.short)
        return self._parsed(given) if given else Kind("object", owner.name)

    def _call_of_member(self, node: ast.Call, func: ast.Attribute, arguments: list[Kind | None]) -> Kind | None:
        base = self._kind(func.value)
        if base is not None and base.form == "dict" and func.attr in ("get", "values", "items", "pop"):
            return Kind("object" if func.attr in ("get", "pop") else "list", base.name)
        owner = self.surface.of_class(base.name) if base is not None and base.form in ("class", "object") else None
        if base is None or owner is None:
            return self._made(node, func, self._attribute_of(func, base))
        inner = owner.members.get(func.attr, {}).get("is")
        if inner:
            return self._made(node, func, Kind("class", inner))
        self._note(
            node,
            func,
            f"{owner.short}.{func.attr}",
            _aliases(owner, func.attr),
            owner.call(func.attr),
            owner.has(func.attr),
        )
        if owner.short == "Experiment" and func.attr == "submit" and arguments and arguments[0] is not None:
            given = SUBMITTED.get(arguments[0].name.rpartition(".")[2])
            return self._parsed(given) if given else None
        if func.attr in SAME:
            return Kind("object", owner.name)
        return self._gives(owner, func.attr)

    def _attribute_of(self, func: ast.Attribute, base: Kind | None) -> Kind | None:
        if base is None or base.form != "module":
            return None
        found = self._member_of_module(base.name, func.attr)
        if found is None:
            self._use(func, f"{base.name}.{func.attr}", is_there=False)
        return found

    # Noting ------------------------------------------------------------------------------------------------------------

    def _note(
        self,
        node: ast.Call,
        func: ast.expr,
        name: str,
        aliases: tuple[str, ...],
        call: Call | None,
        is_there: bool = True,
    ) -> None:
        """The call, with the parameters it is given by position or by name."""
        given: list[tuple[str, Any]] = []
        unknown: list[str] = []
        if call is not None:
            given = [(parameter, _literal(value)) for parameter, value in zip(call.parameters, node.args, strict=False)]
        for keyword in node.keywords:
            if keyword.arg is None:
                continue
            given.append((keyword.arg, _literal(keyword.value)))
            if call is not None and not call.takes_more and keyword.arg not in call.parameters:
                unknown.append(keyword.arg)
        line = func.end_lineno or node.lineno
        is_built = call is None or call.is_built
        self.uses.append(Use(line, name, aliases, is_there, tuple(given), tuple(unknown), is_built=is_built))

    def _import(self, node: ast.stmt, name: str, aliases: tuple[str, ...], is_there: bool) -> None:
        self.uses.append(Use(node.lineno, name, aliases, is_there, is_import=True))

    def _use(
        self, node: ast.expr, name: str, aliases: tuple[str, ...] = (), is_there: bool = True, is_built: bool = True
    ) -> None:
        self.uses.append(Use(node.end_lineno or node.lineno, name, aliases, is_there, is_built=is_built))


def _aliases(owner: Class, member: str) -> tuple[str, ...]:
    return tuple(f"{base}.{member}" for base in owner.bases[1:])


def _element(kind: Kind | None, *, of_mapping: bool = False) -> Kind | None:
    if kind is None:
        return None
    if kind.form == "list" or (kind.form == "dict" and of_mapping):
        return Kind("object", kind.name)
    return None


def _literal(node: ast.expr) -> Any:
    """The constant that is written there; the node itself for anything else."""
    return node.value if isinstance(node, ast.Constant) else node
