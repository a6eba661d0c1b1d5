"""The embedded server: shared, recovered after kills, and gone when nobody uses it."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg2
import pytest

from microfund.kernel.embedded import keeper
from microfund.kernel.embedded.postgres import Cluster

from .processes import PATIENCE, ROOT, ended, lives, python, until, until_gone

USER = """
    import sys
    from pathlib import Path
    import psycopg2
    from microfund.kernel.embedded.postgres import Cluster
    cluster = Cluster(Path(sys.argv[1]), {"durable": False})
    cluster.hold()
    with psycopg2.connect(cluster.dsn("postgres")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_postmaster_start_time()")
        print(cursor.fetchone()[0])
    connection.close()
    sys.stdin.readline()
"""


def query(cluster: Cluster, sql: str, dbname: str = "postgres") -> list[tuple]:
    connection = psycopg2.connect(cluster.dsn(dbname))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def postmaster(cluster: Cluster) -> int:
    return keeper.postmaster_file(cluster.data_dir)[0]


def test_a_first_start_makes_a_utf8_database_that_sorts_the_same_everywhere_and_listens_on_no_port(cluster):
    cluster.create_database("tomobune")
    cluster.create_database("tomobune")  # again: nothing happens
    row = query(
        cluster,
        """SELECT pg_encoding_to_char(encoding), datlocprovider, datlocale, current_setting('listen_addresses'),
        current_setting('TimeZone') FROM pg_database WHERE datname = current_database()""",
        "tomobune",
    )[0]
    assert row == ("UTF8", "b", "C.UTF-8", "", "UTC")


def test_only_the_owner_can_enter_the_socket_folder(cluster):
    found = cluster.socket_dir.stat()
    assert stat.S_IMODE(found.st_mode) == 0o700
    assert found.st_uid == cluster.data_dir.stat().st_uid


def test_a_data_folder_with_a_very_long_or_odd_path_gets_a_short_private_socket_folder(folder):
    deep = folder / ("x" * 60) / "with space, comma and 舟"
    cluster = Cluster(deep / "postgres", {"durable": False})
    cluster.ensure_running()
    try:
        assert len(os.fsencode(cluster.socket_dir / ".s.PGSQL.5432")) <= 103
        assert stat.S_IMODE(cluster.socket_dir.stat().st_mode) == 0o700
        assert query(cluster, "SELECT 1") == [(1,)]
    finally:
        cluster.stop()
        cluster.release()
        cluster.socket_dir.rmdir()


def test_starting_twice_is_one_server(cluster):
    first = postmaster(cluster)
    cluster.ensure_running()
    assert postmaster(cluster) == first


def test_eight_processes_starting_at_once_share_one_server(folder):
    users = [python(USER, folder / "postgres") for _ in range(8)]
    with ended(*users):
        assert len({user.stdout.readline() for user in users}) == 1
        for user in users:
            user.communicate("\n", timeout=PATIENCE)
            assert user.returncode == 0


def test_the_last_of_two_users_stops_the_server_before_it_ends(folder):
    cluster = Cluster(folder / "postgres")
    one, two = python(USER, cluster.data_dir), python(USER, cluster.data_dir)
    with ended(one, two):
        assert one.stdout.readline() == two.stdout.readline()
        one.communicate("\n", timeout=PATIENCE)
        assert cluster.is_running()
        two.communicate("\n", timeout=PATIENCE)
        assert not cluster.is_running()
        assert not keeper.server_processes(cluster.data_dir)


def test_a_user_that_is_killed_leaves_no_lock_and_no_server(folder):
    cluster = Cluster(folder / "postgres")
    user = python(USER, cluster.data_dir)
    with ended(user):
        user.stdout.readline()
        pid = postmaster(cluster)
        user.kill()
        user.wait()
        until(lambda: not lives(pid), "the server of a killed user still runs")
    until_gone(folder)
    again = python(USER, cluster.data_dir)
    with ended(again):
        assert again.stdout.readline()[:2] == "20"
        again.communicate("\n", timeout=PATIENCE)


def test_a_forked_child_neither_stops_its_parents_server_nor_frees_its_lock(cluster):
    before = postmaster(cluster)
    pid = os.fork()
    if pid == 0:  # what gunicorn's and Celery's children do: use the cluster, then end
        try:
            cluster.hold()
            cluster.leave()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    time.sleep(2 * keeper.POLL_SECONDS)
    assert postmaster(cluster) == before
    assert cluster.is_running()


def test_a_killed_postmaster_is_recovered_with_what_was_committed(folder):
    cluster = Cluster(folder / "postgres")  # durable: this one keeps its promises
    cluster.ensure_running()
    try:
        query(cluster, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
        first = postmaster(cluster)
        os.kill(first, signal.SIGKILL)
        until(lambda: not lives(first))
        cluster.ensure_running()
        assert postmaster(cluster) != first
        assert query(cluster, "SELECT count(*) FROM kept") == [(1000,)]
    finally:
        cluster.release()


def test_a_backend_that_outlives_the_postmaster_does_not_keep_the_next_one_from_starting(cluster):
    def busy() -> None:
        with pytest.raises(psycopg2.OperationalError):
            # A backend inside one long computation looks at nothing else.
            query(cluster, "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b")

    thread = threading.Thread(target=busy)
    thread.start()
    is_busy = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%, 100000) b'"
    until(lambda: query(cluster, is_busy) == [(1,)])
    first = postmaster(cluster)
    os.kill(first, signal.SIGKILL)
    until(lambda: not lives(first))
    assert keeper.server_processes(cluster.data_dir), "the busy backend should have outlived it"
    cluster.ensure_running()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert query(cluster, "SELECT 1") == [(1,)]


def test_a_dead_postmasters_number_given_to_another_process_is_not_taken_for_it(folder):
    cluster = Cluster(folder / "postgres", {"durable": False})
    cluster.ensure_running()
    cluster.stop()
    other = subprocess.Popen(["sleep", "60"])
    try:
        lock = cluster.data_dir / "postmaster.pid"
        lock.write_text(f"{other.pid}\n{cluster.data_dir}\n1\n5432\n{cluster.socket_dir}\n\n  1 1\nready   \n")
        cluster.ensure_running()
        assert postmaster(cluster) != other.pid
        assert other.poll() is None
        assert query(cluster, "SELECT 1") == [(1,)]
    finally:
        other.kill()
        other.wait()
        cluster.release()


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "when initdb is gone"])
def test_a_kill_during_the_first_start_leaves_nothing_that_stops_the_next(folder, at_once):
    cluster = Cluster(folder / "postgres", {"durable": False})
    for _try in range(10):
        user = python(USER, cluster.data_dir)
        with ended(user):
            until(lambda: list(folder.glob("postgres.new-*/base")), "initdb at work")
            user.kill()
            user.wait()
        if not cluster.data_dir.exists():
            break
        # This process was given no time between seeing initdb and killing: the cluster was made meanwhile.
        until_gone(folder)
        shutil.rmtree(cluster.data_dir)
    assert not cluster.data_dir.exists()
    if not at_once:
        until_gone(folder)
    cluster.ensure_running()
    cluster.release()
    # An orphaned initdb may write into its folder while that is being removed.
    assert at_once or not list(folder.glob("postgres.new-*"))


def test_data_deleted_under_a_running_server_ends_that_server(cluster):
    pid = postmaster(cluster)
    for path in cluster.data_dir.parent.glob("postgres.*"):
        path.unlink()
    until(lambda: not lives(pid), "a server over deleted data still runs")


def test_a_lone_management_process_leaves_no_process(folder):
    done = subprocess.run(
        [sys.executable, "-c", USER.replace("\n    ", "\n"), folder / "postgres"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert not keeper.server_processes(folder / "postgres")
    until_gone(folder)


def test_the_connection_settings_name_the_engine_and_need_no_server():
    settings = Cluster(Path("/nowhere/postgres")).settings("tomobune")
    assert settings["ENGINE"] == "microfund.kernel.embedded.backend"
    assert settings["NAME"] == "tomobune"
    assert settings["HOST"] == "/nowhere/postgres"
