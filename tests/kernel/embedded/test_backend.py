"""Django's connection starts the server when it is needed and gets over its death."""

from .processes import PATIENCE, ended, python

SITE = """
    import os, signal, sys, time
    from pathlib import Path
    import django
    from django.conf import settings
    from microfund.kernel import embedded
    settings.configure(DATABASES={"default": embedded.database_settings(Path(sys.argv[1]), durable=False)})
    django.setup()
    from django.db import OperationalError, connection
    from microfund.kernel.embedded import keeper
    from tests.kernel.embedded.processes import lives, until

    def ask(sql="SELECT current_database()"):
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0]

    def postmaster():
        return keeper.postmaster_file(connection.cluster.data_dir)[0]
"""


def run(folder, code: str) -> list[str]:
    process = python(SITE + code, folder)
    with ended(process):
        out, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, out
        return out.splitlines()


def test_the_first_query_makes_the_cluster_and_the_database(folder):
    assert run(folder, "    print(ask(), connection.vendor, connection.cluster.is_running())") == [
        "tomobune postgresql True"
    ]


def test_a_connection_lost_to_a_kill_is_made_again(folder):
    code = """
    ask("SELECT 1")
    first = postmaster()
    backend = connection.connection.info.backend_pid
    os.kill(first, signal.SIGKILL)
    until(lambda: not lives(backend), "the end of the backend, which outlives its postmaster by a moment")
    try:
        ask()
    except OperationalError:
        print("the open connection is gone")
    connection.close()
    print(ask(), postmaster() != first)
    """
    assert run(folder, code) == ["the open connection is gone", "tomobune True"]


def test_a_server_stopped_by_hand_is_started_by_the_next_connection(folder):
    code = """
    ask()
    connection.cluster.stop()
    connection.close()
    print(ask())
    """
    assert run(folder, code) == ["tomobune"]


def test_a_database_that_is_not_ours_is_not_made_up(folder):
    code = """
    ask()
    connection.close()
    connection.settings_dict["NAME"] = "another"
    try:
        ask()
    except OperationalError as error:
        print('database "another" does not exist' in str(error))
    """
    assert run(folder, code) == ["True"]


def test_dbshell_speaks_through_the_wheels_psql(folder):
    code = """
    from django.core.management import call_command
    call_command("dbshell", "--", "-At", "-c", "SELECT 6 * 7")
    """
    assert run(folder, code) == ["42"]
