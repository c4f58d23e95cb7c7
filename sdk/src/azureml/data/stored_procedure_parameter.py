"""StoredProcedureParameter: a parameter of an SQL stored procedure."""


class StoredProcedureParameterType:
    String = "String"
    Int = "Int"
    Decimal = "Decimal"
    Guid = "Guid"
    Boolean = "Boolean"
    Date = "Date"


class StoredProcedureParameter:
    """`type` is one of StoredProcedureParameterType; String when it is not given."""

    def __init__(self, name, value, type=None):
        if not name:
            raise ValueError("A stored procedure's parameter needs a name.")
        self.name = name
        self.value = value
        self.type = type or StoredProcedureParameterType.String

    def _lower(self):
        return {"name": self.name, "value": None if self.value is None else str(self.value), "type": self.type}
