"""A step's arguments, from author's objects to the Graph's tagged values. Pure."""

DATA_PLACEHOLDER = "$AZUREML_DATAREFERENCE_"
"""What stands in text for a port: this, and its name."""
_PLACEHOLDER = (
    r"\$AZUREML_DATAREFERENCE_(?P<data>\w+)"
    r"|^(?:DatasetConsumptionConfig|DatasetOutputConfig):(?P<dataset>\w+)$"
)


def port_of(argument, keys, inputs, outputs):
    """`{"input": name}` or `{"output": name}`; None when no port of the step is meant."""
    for key in keys:
        for port in inputs:
            if key in port.keys:
                return {"input": port.name}
        for port in outputs:
            if key in port.keys:
                return {"output": port.name}
    return None


def text(value, step_name, position):
    """A literal as the text that the script will see; ValueError for what has no obvious text."""
    if isinstance(value, str):
        result = value
    elif isinstance(value, (int, float)) or hasattr(value, "item"):  # item: a numpy scalar
        result = str(value)
    elif hasattr(value, "__fspath__"):
        result = value.__fspath__()
    else:
        raise ValueError(
            "Step '{}': argument {} is {} of type {}, which cannot be put on a command line. "
            "Pass text, a number, an input or output of the step, or a PipelineParameter.".format(
                step_name, position, "None" if value is None else "a value", type(value).__name__
            )
        )
    if "\0" in result:
        raise ValueError(
            "Step '{}': argument {} contains a NUL character, which no command line can carry. Remove it.".format(
                step_name, position
            )
        )
    return result


def literal(value, ports, params, lower_value):
    """A text argument: plain, `parameter:<name>` of the step's params, or with placeholders in it of its ports, which `ports()` gives by name."""
    if value.startswith("parameter:") and value[10:] in params:
        return lower_value(params[value[10:]])
    if DATA_PLACEHOLDER not in value and not value.startswith("Dataset"):
        return {"literal": value}
    import re  # here, because few arguments need it and every author pays for an import

    parts, end, known = [], 0, ports()
    for match in re.finditer(_PLACEHOLDER, value):
        port = known.get(match.group("data") or match.group("dataset"))
        if port is None:
            continue
        if match.start() > end:
            parts.append({"literal": value[end : match.start()]})
        parts.append(port)
        end = match.end()
    if not parts:
        return {"literal": value}
    if end < len(value):
        parts.append({"literal": value[end:]})
    return parts[0] if len(parts) == 1 else {"parts": parts}
