"""Fuzzing with two thousand of the files that `make fuzz` makes for longer, in a process of its
own."""

import subprocess
import sys


def test_damaged_files_neither_escape_nor_hang_nor_take_the_host_along() -> None:
    command = [sys.executable, "-W", "ignore", "-m", "tests.model_host.fuzz"]
    command += ["0", "1", "--mutants", "2000"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "host: opened and predicted" in done.stdout
    assert "refused: damaged" in done.stdout
