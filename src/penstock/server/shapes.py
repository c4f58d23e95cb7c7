"""What the bodies of our own API hold, key by key: checked before a route is called, and told in the OpenAPI document.

A key may be left out, or null. One that is not named here is let through: what it may be is for whoever reads it.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from fastapi import Body
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, create_model

from penstock.model.errors import BadRequest, Problem

Json = dict[str, Any]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
"""What every database takes."""
Word = Text | bool | int | float
"""What is kept as text."""
Texts = list[Text]
Labels = dict[Text, Word | None]
Values = dict[Text, Any]
Things = list[Values]
Number = Annotated[int, Field(ge=-(2**63), lt=2**63)]
"""A place in a list: what every database takes."""
Version = Annotated[int, Field(ge=-(2**31), lt=2**31)]
_KINDS: dict[Any, str] = {
    Text: "text without NUL",
    Word: "text, a number, true or false",
    Texts: "a list of texts",
    Labels: "an object of texts: {name: value}",
    Values: "an object: {name: value}",
    Things: "a list of objects",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
}
SUBMISSION: Json = {
    "experiment": Text,
    "parameters": Values,
    "tags": Labels,
    "properties": Labels,
    "display_name": Text,
    "description": Text,
    "continue_on_step_failure": bool,
    "regenerate_outputs": bool,
    "parent_run_id": Text,
    "timeout_seconds": float,
    "interpreter": Values,
}
"""What may be said of a run, whatever it is a run of."""
_OURS = ("pipeline_id", "request", "warnings", "is_lenient")


class Shape:
    """The keys of one kind of body, and what each is."""

    def __init__(self, **keys: Any) -> None:
        self.keys = keys

    def checked(self, body: Json) -> Json:
        """The body as it is; BadRequest names every key whose value does not fit."""
        try:
            _model(self).model_validate(body)
        except ValidationError as error:
            names = dict.fromkeys(str(each["loc"][0]) for each in error.errors(include_url=False))
            found = tuple(Problem(self._complaint(name, body[name]), name) for name in names)
            raise BadRequest(
                " ".join(p.message for p in found) + " See docs/graph.md.", target=found[0].target, details=found
            ) from None
        return body

    def _complaint(self, name: str, value: Any) -> str:
        return f"The body's {name} is {value!r:.100}, but must be {_KINDS[self.keys[name]]}."

    def schema(self) -> Json:
        """As JSON schema has it."""
        return {"type": "object", "properties": _model(self).model_json_schema()["properties"]}


@cache
def _model(shape: Shape) -> type[BaseModel]:
    """Made when it is first used: a server starts sooner."""
    fields: Json = {name: (kind | None, None) for name, kind in shape.keys.items()}
    return create_model("Body", __config__=ConfigDict(strict=True, extra="allow"), **fields)


def sent(**keys: Any) -> Any:
    """The default of a route's parameter for a body that must be sent."""
    return _field(Shape(**keys), Body())


def optional(**keys: Any) -> Any:
    """The same for a body that may be left out."""
    return _field(Shape(**keys), Body(default={}))


def _field(shape: Shape, field: Any) -> Any:
    field.metadata.append(AfterValidator(shape.checked))
    field.json_schema_extra = lambda schema: schema.update(shape.schema())
    return field


def submission(body: Json) -> Json:
    """A submission without what only the server itself may say of one."""
    return {k: v for k, v in body.items() if k not in _OURS}
