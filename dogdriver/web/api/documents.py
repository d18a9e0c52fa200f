"""The components of the API's description that come from the model's Structs: the run document and what is in it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from dogdriver.model.document import RunDocument
from dogdriver.model.fields import DELIVERED, marked
from dogdriver.model.run import Run, Status

Schema = dict[str, Any]

NAMES = {
    "RunDocument": "Run",
    "Load": "Load",
    "Tally": "Tally",
    "ClientMeasures": "Client",
    "MetricValue": "MetricValue",
    "VerdictDocument": "Verdict",
}
"""Struct and component; any other Struct or enum is written out where it is used."""

_PARTS: Mapping[str, Schema] = {
    name: part | ({"additionalProperties": False} if "properties" in part else {})
    for name, part in msgspec.json.schema_components((RunDocument,), ref_template="{name}")[1].items()
}
_WANTED_OF_INPUT = frozenset(
    {"minLength", "maxLength", "pattern", "minimum", "exclusiveMinimum", "maximum", "propertyNames"}
)
_OF_PYTHON = frozenset({"title", "default"})


def answered() -> dict[str, Schema]:
    """What is answered: all fields are always there, but for the raw data; what input must keep to is not promised."""
    words = _WANTED_OF_INPUT | _OF_PYTHON
    return {name: _complete(_without(_resolved(_PARTS[part], NAMES), words)) for part, name in NAMES.items()}


def delivery() -> Schema:
    """What is delivered: any field may be left out but a few, and those that are the server's are not looked at."""
    schema: Schema = _without(_resolved(_PARTS["RunDocument"], {}), _OF_PYTHON)
    fields = schema["properties"]
    needed = marked(Run, DELIVERED)
    for name, field in fields.items():
        if field.get("readOnly"):
            fields[name] = {"readOnly": True, "description": f"{field['description']}; ignored"}
        elif name in needed and "anyOf" in field:  # or null
            fields[name] = field.pop("anyOf")[0] | field
    fields["status"]["enum"] = [status.value for status in Status if status.ended]
    return schema | {
        "required": list(needed),
        "description": "The run document without what the server itself says. started, ended, load and tally are "
        "needed unless status is failed or aborted.",
    }


def _resolved(schema: Any, named: Mapping[str, str]) -> Any:
    """*schema* with its references written out, but for those to what is *named*."""
    if isinstance(schema, list):
        return [_resolved(one, named) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: _resolved(one, named) for key, one in schema.items() if key != "$ref"}
    part = schema.get("$ref")
    if part is None:
        return inner
    if part in named:
        return {"$ref": f"#/components/schemas/{named[part]}"} | inner
    return _resolved(_PARTS[part], named) | inner


def _complete(schema: Any) -> Any:
    """*schema* where every object has all of its fields and no others; it has no raw data."""
    if isinstance(schema, list):
        return [_complete(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: _complete(one) for key, one in schema.items()}
    if isinstance(fields := inner.get("properties"), dict) and inner.get("type") == "object":
        fields = {name: one for name, one in fields.items() if not one.get("writeOnly")}
        inner |= {"properties": fields, "required": list(fields), "additionalProperties": False}
    return inner


def _without(schema: Any, words: frozenset[str]) -> Any:
    """*schema* without these *words* of JSON Schema; fields that are called so stay."""
    if isinstance(schema, list):
        return [_without(one, words) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: _without(field, words) for name, field in one.items()}
        if key == "properties"
        else _without(one, words)
        for key, one in schema.items()
        if key not in words
    }
