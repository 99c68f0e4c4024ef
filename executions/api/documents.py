"""The OpenAPI documents (3.1): one for the site, and one per model with its inputs by name."""

import copy
import json
import re
from functools import cache
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from ninja import NinjaAPI

from config.text.numbers import written_with
from executions.api.problems import MEDIA_TYPE
from executions.api.schemas import example_of
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion

Json = dict[str, Any]

SCALAR: Json = {"type": ["number", "string", "boolean", "null"]}
_ROW: Json = {"type": "object", "additionalProperties": SCALAR}
_FILE: Json = {"type": "string", "format": "binary"}
_FLAG: Json = {"type": "string", "enum": ["true", "false"]}
_PREFER: Json = {
    "name": "Prefer",
    "in": "header",
    "description": "`wait=10`: answer with the result if it is there within so many seconds",
    "schema": {"type": "string", "examples": ["wait=10"]},
}
_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key with the same body never runs twice; with another body it is 422",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


def body_of(row: Json, most: int = 1_000) -> Json:
    """Return the schema of a request's body, whose rows have the schema ``row``."""
    return {
        "type": "object",
        "properties": {
            "inputs": {
                "description": "One object, or a list of up to 1,000 of them",
                "anyOf": [row, {"type": "array", "items": row, "minItems": 1, "maxItems": most}],
            }
        },
        "required": ["inputs"],
        "additionalProperties": False,
    }


def _taking(schema: Json, kind: str = "application/json") -> Json:
    """The body of an operation."""
    return {"required": True, "content": {kind: {"schema": schema}}}


def _members(required: str, **properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": [required],
        "additionalProperties": False,
    }


def _text(most: int, least: int = 0, about: str = "") -> Json:
    return {"type": "string", "minLength": least, "maxLength": most, "description": about}


OF_ASKING: Json = {"parameters": [_PREFER, _KEY], "requestBody": _taking(body_of(_ROW))}
OF_TESTING: Json = {
    "parameters": [_PREFER],
    "requestBody": _taking(_members("inputs", inputs=_ROW)),
}
PARTS: Json = {
    "file": _FILE | {"description": "The model: joblib, pickle or skops"},
    "config": _text(1_000_000, about="Training configuration, JSON or YAML: a text or a file"),
    "reference": _FILE | {"description": "Rows as CSV, like those of the training"},
    "target_column": _text(300, about="The column of the reference data with the outcomes"),
    "is_held_out": _FLAG | {"description": "Those rows were not used in training"},
    "profile_only": _FLAG | {"description": "Keep the profile of those rows only"},
    "label": _text(60),
    "description": _text(2000),
    "release_notes": _text(2000),
    "fresh": _FLAG | {"description": "Take over nothing from the version before"},
}
"""The parts of an upload."""
OF_UPLOADING: Json = {
    "parameters": [_PREFER],
    "requestBody": _taking(_members("file", **PARTS), "multipart/form-data"),
}
OF_PROMOTING: Json = {
    "requestBody": _taking(
        _members(
            "changes",
            changes=_text(2000, 10, "What changed, for people: it is mailed to everybody"),
            libraries_tested={"type": "boolean", "default": False},
            inputs_reviewed={"type": "boolean", "default": False},
            raw_values={"type": "boolean", "default": False},
        )
    )
}
_WAITING = {"create_prediction", "create_version", "create_test"}
_HEADERS: dict[int, list[str]] = {
    200: ["Preference-Applied", "Content-Location"],
    202: ["Location", "Preference-Applied", "Retry-After"],
    401: ["WWW-Authenticate"],
    405: ["Allow"],
    429: ["Retry-After"],
    503: ["Retry-After"],
}


def of_site(api: NinjaAPI) -> Json:
    """Return the document of the whole API."""
    return copy.deepcopy(_of_site(api))


@cache
def _of_site(api: NinjaAPI) -> Json:
    document: Json = json.loads(json.dumps(api.get_openapi_schema(path_prefix="/api/v1/")))
    problem = {"$ref": "#/components/schemas/Problem"}
    for operations in document["paths"].values():
        for operation in operations.values():
            # ninja begins the name with the module's.
            name = re.sub("^executions_api_[a-z]+_", "", operation["operationId"])
            operation["responses"]["405"] = {"description": "Method Not Allowed"}
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    response["content"] = {MEDIA_TYPE: {"schema": problem}}
                if int(status) >= 400 or name in _WAITING:
                    named = dict.fromkeys(_HEADERS.get(int(status), []), _HEADER)
                    response |= {"headers": named} if named else {}
            operation["operationId"] = name
    document["servers"] = [{"url": "/"}]
    return document


_HEADER: Json = {"schema": {"type": "string"}}


def of_model(api: NinjaAPI, version: ModelVersion, schema: InputSchema) -> Json:
    """Return the document of one model: how to ask it, and how to look at what was asked."""
    document = of_site(api)
    general = "/api/v1/models/{slug}/predictions"
    asking = document["paths"].pop(general)
    for operation in asking.values():
        operation["parameters"] = [one for one in operation["parameters"] if one["in"] != "path"]
        content = operation["requestBody"]["content"]["application/json"]
        content["schema"] = body_of({"$ref": "#/components/schemas/Inputs"})
        content["examples"] = {"typical": {"value": {"inputs": example_of(schema)}}}
    kept = {
        path: operations
        for path, operations in document["paths"].items()
        if path.startswith(("/api/v1/predictions", "/api/v1/batches"))
    }
    model = version.model
    document["info"] |= {
        "title": model.name,
        "version": str(version.number),
        "description": model.description or document["info"]["description"],
    }
    document["paths"] = {general.replace("{slug}", model.slug): asking, **kept}
    document["components"]["schemas"]["Inputs"] = schema_of(schema)
    return document


def schema_of(schema: InputSchema) -> Json:
    """Return the JSON Schema of one row of inputs, as programs write them. What JSON Schema cannot
    say, the rules between inputs and the steps, is told in words."""
    with written_with("."):
        rules = [rule.message or rule.sentence(schema.by_name) for rule in schema.rules]
        properties = {feature.name: _of_input(feature) for feature in schema.in_form_order}
    needed = [one.name for one in schema.asked if one.requirement is Requirement.REQUIRED]
    found: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    found |= {"required": needed} if needed else {}
    return found | ({"description": " ".join(rules)} if rules else {})


_TYPES = {
    Kind.INTEGER: "integer",
    Kind.FLOAT: "number",
    Kind.STRING: "string",
    Kind.BOOLEAN: "boolean",
}


def _of_input(feature: FeatureSpec) -> Json:
    about = [feature.help, feature.range_text, feature.deprecation]
    found: Json = {"title": feature.label, "description": ". ".join(filter(None, about))}
    can_be_empty = feature.requirement is not Requirement.REQUIRED
    if feature.kind in _TYPES:
        kind = _TYPES[feature.kind]
        found["type"] = [kind, "null"] if can_be_empty else kind
    elif feature.kind is Kind.CHOICE and not feature.takes_others:
        values = [value for value, _ in feature.offered]
        found["enum"] = [*values, None] if can_be_empty else values
    else:
        found |= SCALAR
        found["examples"] = [value for value, _ in feature.offered[:20]]
    if feature.kind is Kind.STRING:
        # A character that PostgreSQL cannot hold is refused.
        found |= {"maxLength": feature.longest_text, "pattern": "^[^\\u0000]*$"}
    example = feature.usual_value
    optional = {
        "minimum": feature.minimum,
        "maximum": feature.maximum,
        "default": feature.default if feature.requirement is Requirement.OPTIONAL else None,
        "x-unit": feature.unit or None,
        "deprecated": bool(feature.deprecation) or None,
    }
    if feature.is_number and feature.step and feature.minimum is None:
        optional["multipleOf"] = feature.step
    found |= {name: value for name, value in optional.items() if value is not None}
    return found | ({"examples": [example]} if example is not None else {})


def answer(document: Json) -> HttpResponse:
    return HttpResponse(json.dumps(document), content_type="application/json")


@login_not_required
@require_safe
def site_document(request: HttpRequest) -> HttpResponse:
    """Show the document of the site. It names no model, so anybody may read it."""
    from executions.api.routes import api  # which needs this module

    return answer(of_site(api))
