"""KServe's InferenceRESTClient: health, JSON and binary tensors, and an error that it shows."""

import asyncio
import json
import sys
from typing import Any

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig


async def main(asked: dict[str, Any]) -> None:
    url, slug, rows = asked["url"], asked["slug"], asked["rows"]
    headers = {"Authorization": f"Bearer {asked['token']}"}
    client = InferenceRESTClient(RESTConfig(protocol="v2", timeout=60))
    assert await client.is_server_live(url) is True
    assert await client.is_server_ready(url) is True
    assert await client.is_model_ready(url, slug, headers=headers) is True
    assert await client.is_model_ready(url, "nothing", headers=headers) is False
    for is_binary in (False, True):
        inputs = []
        for name in rows[0]:
            tensor = InferInput(name, [len(rows)], "FP64")
            tensor.set_data_from_numpy(np.array([row[name] for row in rows]), binary_data=is_binary)
            inputs.append(tensor)
        answer = await client.infer(
            url, InferRequest(slug, inputs), model_name=slug, headers=dict(headers)
        )
        columns = {one.name: one.as_numpy().tolist() for one in answer.outputs}
        assert columns["prediction"] == asked["predictions"]
        for name in asked["probabilities"][0]:
            wanted = [row[name] for row in asked["probabilities"]]
            assert columns[f"probability.{name}"] == wanted
    said = ""
    try:
        await client.infer(url, {"inputs": []}, model_name=slug, headers=headers)
    except httpx.HTTPStatusError as error:
        said = str(error)
    assert "There is no row to predict." in said
    await client.close()


asyncio.run(main(json.load(sys.stdin)))
