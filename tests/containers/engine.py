"""The container engine of this machine: Docker if it answers, else podman and podman-compose."""

import os
import resource
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MISSING = (
    "There is no container engine on this machine: install Docker, or podman with podman-compose "
    "(on Debian: apt-get install podman buildah runc netavark aardvark-dns catatonit, and "
    "pip install podman-compose), and start again."
)
HIGHEST = 20_000  # files and processes of a container, where this machine allows more


class EngineError(Exception):
    """There is no engine that can be used, or it refused; the message says why and what to do."""


@dataclass(frozen=True)
class Engine:
    """The program, its compose, and the variables that both are run with."""

    program: str
    compose: tuple[str, ...]
    environment: Mapping[str, str]

    @property
    def is_podman(self) -> bool:
        return self.program == "podman"

    def version(self) -> str:
        return self.run("--version").strip()

    def run(self, *argv: str, seconds: float = 120, text: str = "") -> str:
        """What the engine prints; EngineError with its last words where it fails."""
        return run([self.program, *argv], self.environment, seconds=seconds, text=text)

    def tried(self, *argv: str, seconds: float = 120) -> tuple[int, str]:
        """The exit code, and both outputs together."""
        done = subprocess.run(
            [self.program, *argv], env={**os.environ, **self.environment}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=seconds,
        )  # fmt: skip
        return done.returncode, done.stdout


def run(
    argv: list[str], environment: Mapping[str, str], *, seconds: float, text: str = "",
    folder: Path | None = None,
) -> str:  # fmt: skip
    try:
        done = subprocess.run(
            argv, env={**os.environ, **environment}, cwd=folder, input=text, text=True,
            capture_output=True, timeout=seconds,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise EngineError(f"{' '.join(argv[:6])} did not end within {seconds:.0f} s") from None
    if done.returncode:
        raise EngineError(f"{' '.join(argv[:6])} … failed: {(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def find(folder: Path) -> Engine:
    """The engine to use; a file of podman's settings, if it needs one, is written to `folder`."""
    troubles = []
    if shutil.which("docker"):
        if not _answers("docker", "info"):
            troubles.append(
                "docker is installed, but its engine does not answer: start its service."
            )
        elif not _answers("docker", "compose", "version"):
            troubles.append("docker has no compose: install its plugin (docker-compose-plugin).")
        else:
            return Engine("docker", ("docker", "compose"), {})
    if shutil.which("podman"):
        if not _answers("podman", "info"):
            troubles.append("podman is installed, but `podman info` fails: see what it says.")
        elif not shutil.which("podman-compose"):
            troubles.append("podman has no compose: pip install podman-compose.")
        else:
            return Engine("podman", ("podman-compose",), _settings(folder))
    raise EngineError(" ".join(troubles) or MISSING)


def _answers(*argv: str) -> bool:
    return not subprocess.run(argv, capture_output=True).returncode


def _settings(folder: Path) -> dict[str, str]:
    """Limits that this machine can grant, and runc where crun does not know its control groups."""
    files, processes = (
        min(resource.getrlimit(limit)[1] % 2**63, HIGHEST)
        for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC)
    )
    lines = [
        "[containers]",
        f'default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]',
    ]
    if not Path("/sys/fs/cgroup/cgroup.controllers").exists():
        lines += ["[engine]", 'runtime = "runc"']
    file = folder / "containers.conf"
    file.write_text("\n".join(lines) + "\n")
    return {"CONTAINERS_CONF": str(file), "BUILDAH_ISOLATION": "chroot"}
