"""The temporary servers that tests and benchmarks run against."""

import os
from pathlib import Path

from config.stack.environment import REPOSITORY
from config.stack.servers import postgres, redis, s3
from config.stack.temporary import servers


def test_this_run_has_servers_of_its_own() -> None:
    runs = REPOSITORY / ".stack" / "test"
    assert Path(os.environ["STACK_DIR"]).parent == runs
    postgres.check(os.environ["DATABASE_URL"])
    redis.check(os.environ["REDIS_URL"])
    s3.check_bucket(os.environ)


def test_two_runs_at_once_do_not_meet_and_nothing_is_left_of_them() -> None:
    runs = Path(os.environ["STACK_DIR"]) / "runs"
    with servers(runs) as other:
        assert other["DATABASE_URL"] != os.environ["DATABASE_URL"]
        postgres.check(other["DATABASE_URL"])
        assert other.folder.is_dir()
    assert not other.folder.exists()
    assert not postgres.cluster_in(other.folder).data.exists()
