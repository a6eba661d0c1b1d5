"""The long proofs are run by one command, which notices what is red and leaves nothing out."""

import re
import subprocess
import sys

import pytest

from tests.architecture.code import ROOT
from tests.faults import torture


def test_every_proof_is_in_the_long_run():
    files = torture.proofs()
    assert files[-1] == torture.ORACLE and (ROOT / torture.ORACLE).is_file()
    assert {path for path in files if "/faults/" in path} and {path for path in files if "/races/" in path}


def test_what_make_runs_is_this_command():
    target = re.search(r"^torture:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert target and "-m tests.faults.torture" in target[1] and "$(MINUTES)" in target[1]


@pytest.mark.parametrize(
    ("body", "green"),
    [("def test_good():\n    pass\n", True), ("def test_bad():\n    assert False\n", False), ("", False)],
)
def test_a_red_proof_makes_the_run_red(tmp_path, body, green):
    """A file without a test is red as well: nothing was proved."""
    path = tmp_path / "test_one.py"
    path.write_text(body, encoding="utf-8")
    command = [sys.executable, "-m", "tests.faults.torture", "--minutes", "0.01", "--seed", "7", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == (0 if green else 1), done.stdout
    assert "seed 7" in done.stdout and ("RED" in done.stdout) == (not green)


def test_a_share_of_the_time_becomes_the_numbers_of_a_proof():
    assert torture.environment(torture.ORACLE, 1, 5) == {"TORTURE_FUNDS": "10000", "TORTURE_SEED": "5"}
    assert torture.environment(torture.ORACLE, 10**6, 5)["TORTURE_FUNDS"] == "1000000"
    own = torture.environment("tests/faults/test_postgres_killed.py", 60, 5)
    assert own == {"TORTURE_SECONDS": "60", "FAULT_SEED": "5"}
