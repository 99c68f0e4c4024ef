"""The client that openapi-python-client generates from the API's document, asking many rows."""

import json
import sys

from plumbline_client import AuthenticatedClient
from plumbline_client.api.predictions import create_prediction
from plumbline_client.models import Batch, CreatePredictionBody

asked = json.load(sys.stdin)
client = AuthenticatedClient(base_url=asked["url"], token=asked["token"], timeout=None)
answer = create_prediction.sync(
    asked["slug"],
    client=client,
    body=CreatePredictionBody.from_dict({"inputs": asked["rows"]}),
    prefer="wait=30",
)
assert isinstance(answer, Batch), answer
assert answer.rows is not None
found = [row.result.targets[0].value if row.result else None for row in answer.rows]
assert found == asked["predictions"]
