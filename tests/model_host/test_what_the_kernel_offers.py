"""The model host on kernels with fewer features, and as an ordinary user: real processes on each.

A kernel without a layer is made of this one: an interpreter that, at its very start, has the kernel
answer the call that makes the layer as such a kernel would.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import joblib
import pytest
from sklearn.dummy import DummyRegressor

from model_host.client import ModelHost
from model_host.locked import lockdown, seccomp
from model_host.protocol.artifact import Artifact, Limits
from model_host.protocol.errors import HostError
from model_host.protocol.inputs import InputLayout
from tests.model_host.conftest import python_with

SECCOMP = seccomp._SYSCALL_SECCOMP.get(os.uname().machine, 0)
LANDLOCK = lockdown._CREATE_RULESET
NO_SUCH_CALL = 38  # ENOSYS
NOTHING_DONE = 0  # what an emulator says that knows the call by name alone

ANSWERS = """
import ctypes
from struct import pack
libc = ctypes.CDLL(None)
answers = {answers}
code = pack("=HBBI", 0x20, 0, 0, 0)
for number, error in answers.items():
    code += pack("=HBBI", 0x15, 0, 1, number) + pack("=HBBI", 0x06, 0, 0, 0x50000 | error)
code += pack("=HBBI", 0x06, 0, 0, 0x7FFF0000)
held = ctypes.create_string_buffer(code)
program = (ctypes.c_size_t * 2)(len(code) // 8, ctypes.addressof(held))
libc.prctl(38, 1, 0, 0, 0)
assert libc.syscall({seccomp}, 1, 0, program) == 0
"""


def kernel(home: Path, answers: dict[int, int]) -> str:
    """Return an interpreter on a kernel that answers these calls with these errors."""
    home.mkdir()
    start = ANSWERS.format(answers=answers, seccomp=SECCOMP)
    (home / "sitecustomize.py").write_text(start)
    return python_with(home, home)


def host_on(python: str, **settings: bool) -> ModelHost:
    return ModelHost(
        python=python, max_children=2, max_memory_bytes=2**30, children_per_model=1, **settings
    )


def artifact_of(tmp_path: Path) -> Artifact:
    path = tmp_path / "constant.joblib"
    model = DummyRegressor(strategy="constant", constant=42.0).fit([[0.0]], [0.0])
    joblib.dump(model, path)
    return Artifact(hashlib.sha256(path.read_bytes()).hexdigest(), path, "joblib")


@pytest.mark.parametrize(
    ("answers", "finding"),
    [
        ({SECCOMP: NO_SUCH_CALL}, "the system-call filter was refused"),
        ({SECCOMP: NOTHING_DONE}, "A locked process could open an internet socket."),
        ({SECCOMP: NOTHING_DONE, LANDLOCK: NO_SUCH_CALL}, "A locked process could read a file."),
    ],
    ids=["no filter", "a filter that does nothing", "neither filter nor Landlock"],
)
def test_a_kernel_that_offers_less_opens_no_model(
    answers: dict[int, int], finding: str, tmp_path: Path, one_number: InputLayout
) -> None:
    artifact = artifact_of(tmp_path)

    with host_on(kernel(tmp_path / "kernel", answers)) as host:
        assert not host.self_test.passed
        assert finding in " ".join(host.self_test.findings)
        with pytest.raises(HostError, match="cannot open models safely") as caught:
            host.predict(artifact, one_number, {"x0": 1.0}, Limits())

    assert caught.value.code == "LOAD"
    assert finding in caught.value.message


def test_the_setting_alone_opens_models_on_such_a_kernel(
    tmp_path: Path, one_number: InputLayout
) -> None:
    python = kernel(tmp_path / "kernel", {SECCOMP: NO_SUCH_CALL})

    with host_on(python, allow_unsandboxed=True) as host:
        outputs = host.predict(artifact_of(tmp_path), one_number, {"x0": 1.0}, Limits())

        assert not host.self_test.passed

    assert outputs.targets[0].value == 42.0


def test_a_kernel_without_landlock_still_holds_by_its_filter_and_says_so(
    tmp_path: Path, one_number: InputLayout
) -> None:
    with host_on(kernel(tmp_path / "kernel", {LANDLOCK: NO_SUCH_CALL})) as host:
        outputs = host.predict(artifact_of(tmp_path), one_number, {"x0": 1.0}, Limits())

        assert host.self_test.passed
        assert "no Landlock" in host.self_test.findings[0]

    assert outputs.targets[0].value == 42.0


ORDINARY_WORKER = """
import ctypes, json, os, sys
from pathlib import Path
from model_host.client import ModelHost
from model_host.protocol.artifact import Artifact, Limits
from model_host.protocol.inputs import Column, InputLayout

if os.geteuid() == 0:
    # An ordinary user who may still read the interpreter and the code, wherever they lie.
    libc, read_all = ctypes.CDLL(None), 1 << 2
    libc.prctl(8, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    held = (ctypes.c_uint32 * 6)(read_all, read_all, read_all)
    assert libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), held) == 0
    assert libc.prctl(47, 2, 2, 0, 0) == 0
path, digest = sys.argv[1:]
with ModelHost(max_children=2, max_memory_bytes=2**30, children_per_model=1) as host:
    layout = InputLayout("array", (Column("x0", "float"),))
    artifact = Artifact(digest, Path(path), "joblib")
    outputs = host.predict(artifact, layout, {"x0": 1.0}, Limits())
    (child,) = host._pool._idle
    status = Path(f"/proc/{child.pid}/status").read_text()
    print(json.dumps([os.geteuid(), host.self_test.passed, outputs.targets[0].value, status]))
"""


def test_the_host_of_an_ordinary_user_holds_as_well(tmp_path: Path) -> None:
    artifact = artifact_of(tmp_path)

    done = subprocess.run(
        [sys.executable, "-c", ORDINARY_WORKER, str(artifact.path), artifact.sha256],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    user, passed, value, status = json.loads(done.stdout)
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert (user != 0, passed, value) == (True, True, 42.0)
    assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")
    assert {int(facts[name], 16) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {0}
