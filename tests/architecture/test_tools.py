"""The tools around the code do what they say: a check that can't fail is no check."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: object, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what the scripts in ``.ci`` read."""
    for name in ("pyproject.toml", "requirements.lock", "requirements-dev.lock", ".env.example", "docker-compose.yml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    shutil.copytree(ROOT / "microfund" / "settings", tmp_path / "microfund" / "settings")
    return tmp_path


def test_help_lists_every_target():
    help_text = run("make", "help").stdout
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    assert {f"make {target} " for target in targets} - set(re.findall(r"make \w+ ", help_text)) == set()


def test_the_lock_of_this_project_is_sound(project):
    done = run(sys.executable, ".ci/check_lock.py", cwd=project)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("pattern", "replacement", "fault"),
    [
        (r"^django==", "# django==", "not pinned: # django=="),
        (r"^(celery\[redis\]|celery)==", "celery>=", "not pinned: celery>="),
        (r"\A", "--index-url https://packages.example/simple\n", "names a place"),
        (r"(?ms)^polib==.*?(?=^\S)", "", "lacks polib"),
        (r"(?m)^(polib==\S+) \\(\n    --hash=\S+( \\)?)+", r"\1", "without a hash: polib"),
    ],
)
def test_a_fault_of_the_lock_is_named(project, pattern, replacement, fault):
    lock = project / "requirements.lock"
    text, changed = re.subn(pattern, replacement, lock.read_text(), count=1, flags=re.MULTILINE)
    assert changed == 1
    lock.write_text(text)
    done = run(sys.executable, ".ci/check_lock.py", cwd=project)
    assert done.returncode == 1
    assert fault in done.stderr


def test_the_example_of_settings_names_them_all_and_no_other(project):
    assert run(sys.executable, ".ci/check_env.py", cwd=project).returncode == 0
    example = project / ".env.example"
    example.write_text(example.read_text().replace("# REDIS_URL=", "# REDDISH_URL="))
    done = run(sys.executable, ".ci/check_env.py", cwd=project)
    assert done.returncode == 1
    assert "lacks REDIS_URL" in done.stderr
    assert "names REDDISH_URL, which nothing reads" in done.stderr
    example.write_text(example.read_text().replace("# REDDISH_URL=", "# REDIS_URL=").replace("# WEB_PORT=8000\n", ""))
    assert "lacks WEB_PORT" in run(sys.executable, ".ci/check_env.py", cwd=project).stderr


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_a_skipped_test_is_named_and_fails_the_run_in_ci(tmp_path, ci, code):
    (tmp_path / "test_it.py").write_text(
        "import pytest\n\ndef test_a():\n    pass\n\n"
        "@pytest.mark.redis\ndef test_b():\n    pytest.skip('no Redis: set REDIS_TEST_URL')\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "tests.skips", "-p", "no:django", "-p", "no:randomly"]
    command += ["-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", tmp_path, tmp_path]
    done = run(*command, CI=ci)
    assert done.returncode == code, done.stdout
    assert "redis: 1 skipped: no Redis: set REDIS_TEST_URL" in done.stdout
    assert ("CI is set: a skipped test fails the run." in done.stdout) is bool(ci)
    assert "1 passed, 1 skipped" in done.stdout.splitlines()[-1], "pytest's closing line comes last"


def test_an_old_python_is_one_line(tmp_path):
    old = tmp_path / "python"
    old.write_text('#!/bin/sh\ncase "$2" in *version_info*) exit 1;; *) echo 3.9.2;; esac\n')
    old.chmod(0o755)
    done = run(".ci/venv", old, tmp_path / "venv")
    assert done.returncode == 1
    assert done.stderr == (
        f"Python 3.11 or newer is needed, {old} is 3.9.2: install one and name it: make PYTHON=/path/to/python3.11\n"
    )
    assert not (tmp_path / "venv").exists()


def test_no_python_at_all_is_one_line(tmp_path):
    done = run(".ci/venv", "no-such-python", tmp_path / "venv")
    assert done.returncode == 1
    assert done.stderr.startswith("No no-such-python here: install Python 3.11 or newer")
    assert done.stderr.count("\n") == 1


def test_the_scripts_are_runnable_and_parse():
    for name in ("check", "lock", "run", "venv"):
        script = ROOT / ".ci" / name
        assert os.access(script, os.X_OK)
        assert run("bash", "-n", script).returncode == 0
