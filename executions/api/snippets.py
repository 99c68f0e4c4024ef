"""The same prediction by a program: a command and a script with these inputs.

Sensitive inputs and the token are never in them; words stand in their places.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.text.plain_text import isolated
from executions.api.schemas import address
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion

TOKEN = "$PLUMBLINE_TOKEN"  # noqa: S105 - the name of a variable
MOST_INPUTS = 200
"""The inputs of a model beyond which a command would be no help."""


@dataclass(frozen=True)
class Snippets:
    """The command, the script, and the labels of the inputs that are left to fill in."""

    curl: str
    python: str
    left_out: tuple[str, ...] = ()


def snippets_of(
    version: ModelVersion, schema: InputSchema, inputs: Mapping[str, Any]
) -> Snippets | None:
    """Return the snippets for these inputs; None for a model with more inputs than are shown."""
    if len(schema.asked) > MOST_INPUTS:
        return None
    values = schema.read(inputs)
    shown = {
        feature.name: f"<{feature.name}>" if feature.is_sensitive else values[feature.name]
        for feature in schema.asked
        if feature.is_sensitive or values[feature.name] is not None
    }
    where = address("api:predict", version.model.slug)
    body = json.dumps({"inputs": shown}, ensure_ascii=False)
    # What is written right to left would turn the rest of its line on the page.
    is_turning = isolated(body) != body
    if is_turning:
        body = json.dumps({"inputs": shown})
    curl = (
        f"curl {shlex.quote(where)} \\\n"
        f'  -H "Authorization: Bearer {TOKEN}" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        "  -H 'Prefer: wait=10' \\\n"
        f"  -d {shlex.quote(body)}"
    )
    in_python = ascii if is_turning else repr
    rows = "".join(f"    {in_python(name)}: {in_python(value)},\n" for name, value in shown.items())
    python = (
        "import json\nimport os\nimport urllib.request\n\n"
        f"inputs = {{\n{rows}}}\n"
        "request = urllib.request.Request(\n"
        f"    {where!r},\n"
        '    data=json.dumps({"inputs": inputs}).encode(),\n'
        "    headers={\n"
        '        "Authorization": f"Bearer {os.environ[\'PLUMBLINE_TOKEN\']}",\n'
        '        "Content-Type": "application/json",\n'
        '        "Prefer": "wait=10",\n'
        "    },\n"
        ")\n"
        "with urllib.request.urlopen(request) as answer:\n"
        '    print(json.load(answer)["result"])\n'
    )
    left_out = tuple(feature.label for feature in schema.asked if feature.is_sensitive)
    return Snippets(curl, python, left_out)
