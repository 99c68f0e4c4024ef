"""MLflow's ScoringServerClient: ping, version, and predictions. It takes no header, so the token
stands before the host, and the model's path after the port."""

import json
import sys
from urllib.parse import urlsplit

import pandas as pd
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

asked = json.load(sys.stdin)
site = urlsplit(asked["url"])
client = ScoringServerClient(
    f"token:{asked['token']}@{site.hostname}", f"{site.port}/mlflow/{asked['slug']}"
)
client.wait_server_ready(timeout=30)
assert client.get_version()
frame = pd.DataFrame(asked["rows"])
assert client.invoke(frame).get_predictions()[0].tolist() == asked["predictions"]
details = client.invoke(frame, params={"details": True}).get_predictions()
assert details["prediction"].tolist() == asked["predictions"]
for name in asked["probabilities"][0]:
    wanted = [row[name] for row in asked["probabilities"]]
    assert details[f"probability.{name}"].tolist() == wanted
said = ""
try:
    client.invoke(pd.DataFrame([{"nothing": 1}]))
except Exception as error:
    said = str(error)
assert "A value is needed" in said
