"""Stand-ins for the images of others, made with debootstrap from Debian's packages.

Only where CONTAINERS_STAND_INS=1 asks for them: elsewhere the engine pulls what the files name.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from config.stack.environment import REPOSITORY
from tests.config.compose import compose
from tests.containers.engine import Engine, EngineError

SUITE = "trixie"
BASE = "localhost/plumbline-stand-in-debian"
TARGETS = ("python", "node", "postgres", "redis")


def names() -> dict[str, str]:
    """Of each stand-in the image that it stands for, as the Dockerfile or compose names it."""
    text = (REPOSITORY / "Dockerfile").read_text()
    found = re.findall(r"^FROM (\S+:\S+)", text, re.M)
    found += [service["image"] for service in compose()["services"].values()]
    return {name.partition(":")[0]: f"docker.io/library/{name}" for name in found
            if name.partition(":")[0] in TARGETS}  # fmt: skip


def make(engine: Engine, folder: Path) -> list[str]:
    """Make them; returns a line for each that says what it is made of."""
    if shutil.which("debootstrap") is None:
        raise EngineError("debootstrap is not installed: apt-get install debootstrap.")
    if engine.tried("image", "inspect", BASE)[0]:
        _import_debian(engine, folder / SUITE)
    context = folder / "context"
    shutil.rmtree(context, ignore_errors=True)
    shutil.copytree(Path(__file__).with_name("images"), context)
    shutil.copy(REPOSITORY / "requirements-node.txt", context)
    _copy_machine(context / "machine")
    for target, name in names().items():
        engine.run(
            "build", "--network", "host", "--target", target, "--tag", name, str(context),
            seconds=900,
        )  # fmt: skip
    versions = {
        "python": ("python", "--version"),
        "node": ("node", "--version"),
        "postgres": ("postgres", "--version"),
        "redis": ("redis-server", "--version"),
    }
    return [
        f"{name.removeprefix('docker.io/library/')}: "
        + engine.run("run", "--rm", "--entrypoint", versions[target][0], name,
                     *versions[target][1:]).strip()[:60]
        for target, name in names().items()
    ]  # fmt: skip


def _import_debian(engine: Engine, root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    command = ["debootstrap", "--variant=minbase", "--include=ca-certificates", SUITE, str(root)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise EngineError(f"debootstrap failed: {done.stdout[-1000:]}")
    with subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as tar:
        subprocess.run(
            [engine.program, "import", "-", BASE], stdin=tar.stdout, check=True,
            capture_output=True,
        )  # fmt: skip
    shutil.rmtree(root)


def _copy_machine(folder: Path) -> None:
    """What the stand-in of Python has of this machine: the certificates that it trusts and, where
    it has a prefix of its own, this very Python, as the image `python` has one below /usr/local."""
    trusted = Path("/etc/ssl/certs/ca-certificates.crt")
    if trusted.exists():
        (folder / "etc/ssl/certs").mkdir(parents=True)
        shutil.copy(trusted, folder / "etc/ssl/certs")
        (folder / "etc/pip.conf").write_text(f"[global]\ncert = {trusted}\n")
    prefix, name = Path(sys.base_prefix), "python{}.{}".format(*sys.version_info[:2])
    local = folder / "usr/local"
    (local / "bin").mkdir(parents=True)
    (local / "lib").mkdir()
    if prefix == Path("/usr"):
        return
    shutil.copy(prefix / "bin" / name, local / "bin")
    (local / "bin/python3").symlink_to(name)
    for library in (prefix / "lib").glob("libpython3*.so*"):
        shutil.copy(library, local / "lib", follow_symlinks=False)
    left_out = shutil.ignore_patterns("site-packages", "test", "__pycache__", "config-*")
    shutil.copytree(prefix / "lib" / name, local / "lib" / name, ignore=left_out, symlinks=True)


def are_wanted() -> bool:
    return os.environ.get("CONTAINERS_STAND_INS", "") == "1"
