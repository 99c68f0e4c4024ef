"""Triton's client asks the product as `make run` starts it: over HTTP, through Prefect."""

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from tests.browser.conftest import Site

TOKEN = (
    "from accounts.models import User; from accounts.tokens.services import make_token;"
    " user = User.objects.get(email='user@example.com');"
    " print(make_token(user=user, name='Triton', scopes=['predict'], by=user)[1])"
)
MODEL = "iris-species"
FLOWERS = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.1, 4.7, 1.5], [6.3, 2.9, 5.6, 1.8]])


def test_tritons_client_reads_the_metadata_and_infers_in_json_and_binary(site: Site) -> None:
    told = site.manage("shell", "--no-imports", "-c", TOKEN)
    sent = {"Authorization": f"Bearer {told.stdout.strip().rpartition(chr(10))[2]}"}
    client = triton.InferenceServerClient(site.url.removeprefix("http://"), network_timeout=120)

    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(MODEL, headers=sent)
    assert not client.is_model_ready("nothing", headers=sent)
    assert client.get_server_metadata(headers=sent)["extensions"] == ["binary_tensor_data"]
    known = client.get_model_metadata(MODEL, headers=sent)
    names = [one["name"] for one in known["inputs"]]
    assert {one["datatype"] for one in known["inputs"]} == {"FP64"}
    found = []
    for is_binary in (False, True):
        inputs = []
        for place, name in enumerate(names):
            tensor = triton.InferInput(name, [len(FLOWERS), 1], "FP64")
            column = FLOWERS[:, place : place + 1].copy()
            inputs.append(tensor.set_data_from_numpy(column, binary_data=is_binary))
        wanted = [
            triton.InferRequestedOutput(name, binary_data=is_binary)
            for name in ("prediction", "label")
        ]
        answer = client.infer(MODEL, inputs, outputs=wanted, headers=dict(sent))
        found.append([answer.as_numpy(name).tolist() for name in ("prediction", "label")])
    prediction, label = found[0]
    assert len(set(prediction)) == len(set(label)) == len(FLOWERS)
    assert found[1][0] == prediction
    assert [one.decode() if isinstance(one, bytes) else one for one in found[1][1]] == [
        one.decode() if isinstance(one, bytes) else one for one in label
    ]
    inputs[0].set_data_from_numpy(np.full((3, 1), np.nan))
    with pytest.raises(InferenceServerException, match="A value is needed"):
        client.infer(MODEL, inputs, headers=dict(sent))
