"""MLServer's PandasCodec: a data frame as a request, and the answer as a data frame."""

import json
import sys
from urllib.request import Request, urlopen

import pandas as pd
from mlserver.codecs import PandasCodec
from mlserver.types import InferenceResponse

asked = json.load(sys.stdin)
request = PandasCodec.encode_request(pd.DataFrame(asked["rows"]), use_bytes=False)
asking = Request(
    f"{asked['url']}/v2/models/{asked['slug']}/infer",
    data=request.model_dump_json().encode(),
    headers={"Authorization": f"Bearer {asked['token']}", "Content-Type": "application/json"},
)
with urlopen(asking, timeout=60) as answer:
    content = answer.read()
frame = PandasCodec.decode_response(InferenceResponse.model_validate_json(content))
assert frame["prediction"].tolist() == asked["predictions"]
for name in asked["probabilities"][0]:
    wanted = [row[name] for row in asked["probabilities"]]
    assert frame[f"probability.{name}"].tolist() == wanted
