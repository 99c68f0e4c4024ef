"""Let the clients of KServe, MLServer and MLflow, and one generated from the API's document, ask a
running product, and compare their answers with those of the API itself.

    python -m tests.peers

The clients need libraries that cannot be installed beside the product's, nor MLServer's beside
KServe's: each lock is an environment of its own in `.stack/peers`.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from dotenv import dotenv_values

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / ".stack" / "peers"
LOCKS = {"peers": "requirements-peers.txt", "mlserver": "requirements-peers-mlserver.txt"}
CLIENTS = (("kserve_client", "peers"), ("mlserver_client", "mlserver"), ("mlflow_client", "peers"))
TOKEN = (
    "from accounts.models import User; from accounts.tokens.services import make_token;"
    " user = User.objects.get(email='user@example.com');"
    " print(make_token(user=user, name='Peers', scopes=['predict', 'read'], by=user)[1])"
)
MODEL = "Iris species"
ROWS = 12


def main() -> int:
    pythons = {name: _environment(name, lock) for name, lock in LOCKS.items()}
    with _product() as (url, token):
        asked = _asked(url, token)
        for client, name in CLIENTS:
            _run([pythons[name], "-W", "ignore", f"tests/peers/{client}.py"], asked)
            print(f"{client}: the same answers", flush=True)
        _generate(pythons["peers"], url, asked)
    return 0


def _asked(url: str, token: str) -> str:
    """Ask the API itself for some rows; return them with its answers, for the clients."""
    headers = {"Authorization": f"Bearer {token}", "Prefer": "wait=30"}
    with httpx.Client(base_url=url, headers=headers, timeout=60) as site:
        models = site.get("/api/v1/models").json()["items"]
        slug = next(one["slug"] for one in models if one["name"] == MODEL)
        example: dict[str, Any] = site.get(f"/api/v1/models/{slug}").json()["example"]
        rows = [
            {name: round(value * (0.8 + 0.04 * number), 2) for name, value in example.items()}
            for number in range(ROWS)
        ]
        path = f"/api/v1/models/{slug}/predictions"
        answer = site.post(path, json={"inputs": rows}).raise_for_status().json()
    results = [row["result"]["targets"][0] for row in answer["rows"]]
    return json.dumps(
        {
            "url": url,
            "token": token,
            "slug": slug,
            "rows": rows,
            "predictions": [one["value"] for one in results],
            "probabilities": [
                {str(each["value"]): each["probability"] for each in one["probabilities"]}
                for one in results
            ],
        }
    )


@contextmanager
def _product() -> Iterator[tuple[str, str]]:
    """Yield the address of the product and a token; it is started, and stopped again."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    stack = Path(os.environ.get("PEERS_STACK", FOLDER / "stack"))
    environment = kept | {"STACK_DIR": str(stack), "DEMO_PAST": "false"}
    manage = [sys.executable, "manage.py"]
    if "PEERS_STACK" not in os.environ:
        subprocess.run([*manage, "up", "--detach"], cwd=REPOSITORY, env=environment, check=True)
    try:
        url = dotenv_values(stack / "env")["SITE_URL"]
        asked = [*manage, "shell", "--no-imports", "-c", TOKEN]
        told = subprocess.run(
            asked, cwd=REPOSITORY, env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
        assert url
        yield url, told.stdout.strip().rpartition("\n")[2]
    finally:
        if "PEERS_STACK" not in os.environ:
            subprocess.run([*manage, "down"], cwd=REPOSITORY, env=environment, check=True)


def _environment(name: str, lock: str) -> str:
    """Return the interpreter of the environment that holds exactly this lock."""
    folder = FOLDER / name
    python, mark = folder / "bin" / "python", folder / ".lock"
    digest = hashlib.sha256((REPOSITORY / lock).read_bytes()).hexdigest()
    if not mark.exists() or mark.read_text() != digest:
        print(f"Installing {lock} …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
        subprocess.run(
            [*pip, "--require-hashes", "--no-deps", "-r", str(REPOSITORY / lock)], check=True
        )
        mark.write_text(digest)
    return str(python)


def _generate(python: str, url: str, asked: str) -> None:
    """Generate a client from the API's document, check its types and those of a program that uses
    it, and run this."""
    document, made = FOLDER / "openapi.json", FOLDER / "generated"
    document.write_bytes(httpx.get(f"{url}/api/v1/openapi.json").raise_for_status().content)
    generator = [python, "-m", "openapi_python_client", "generate", "--path", str(document)]
    _run([*generator, "--output-path", str(made), "--overwrite", "--fail-on-warning"])
    program = made / "generated_client.py"
    program.write_bytes((Path(__file__).parent / program.name).read_bytes())
    settings = made / "mypy.ini"
    settings.write_text(f"[mypy]\nstrict = true\nmypy_path = {made}\n")
    package = next(made.glob("*/client.py")).parent
    _run([python, "-m", "mypy", "--config-file", str(settings), str(package), str(program)])
    _run([python, str(program)], asked)
    print("openapi-python-client: its types are whole, and the same answers", flush=True)


def _run(command: list[str], given: str = "") -> None:
    """Run a program of an environment, whose other programs it finds."""
    programs = f"{Path(command[0]).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": programs}
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, input=given, text=True)


if __name__ == "__main__":
    sys.exit(main())
