"""``make demo``: everything on this machine under one supervisor, step by step, each step a line.

The first start makes the database and its demo world; later starts find them and take seconds. All of it lives under
``TOMOBUNE_DATA`` (default ``.data/``).
"""

import compileall
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command, get_commands
from django.db import DatabaseError, OperationalError, connection
from django.urls import reverse

from microfund.kernel import messages
from microfund.kernel.embedded import ADDRESSES, EmbeddedError, broker, trouble
from microfund.kernel.embedded.supervisor import Service, Stopped, Supervisor, answers, port_is_free

LOCAL = "127.0.0.1"
#: What visitors open: a passkey belongs to a name, never to an address, and browsers trust this one without TLS.
NAME = "localhost"


def _static_digest() -> str:
    digest = hashlib.sha256(str(settings.STORAGES["staticfiles"]).encode())
    for finder in finders.get_finders():
        for path, storage in finder.list([]):
            found = Path(storage.path(path)).stat()
            digest.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _stamp() -> Path:
    return Path(settings.STATIC_ROOT) / ".collected-from"


def _collected(digest: str) -> bool:
    return _stamp().exists() and _stamp().read_text(encoding="ascii") == digest


def make_files() -> None:
    """Compile the translations, collect the static files when one has changed (compressing them takes seconds), and
    compile our modules, which web and worker would else all do at once."""
    messages.compile_all()
    if not _collected(digest := _static_digest()):
        root = Path(settings.STATIC_ROOT)
        if root.exists() and _stamp().exists():
            shutil.rmtree(root)  # only what we made ourselves
        call_command("collectstatic", interactive=False, verbosity=0)
        _stamp().write_text(digest, encoding="ascii")
    for package in ("businesses", "investments", "microfund", "rewards"):
        compileall.compile_dir(settings.BASE_DIR / package, quiet=1)


class Demo:
    """The demo on ``port``, with the payment sandbox on the next one.

    ``say`` prints one line; ``empty`` leaves the demo data out.
    """

    def __init__(self, port: int, *, say: Callable[[str], None], empty: bool = False) -> None:
        self.port = port
        self.empty = empty
        self.sandbox_port = port + 1 if port < 65535 else port - 1
        self.say = say
        self.data = Path(settings.DATA_DIR)
        self.url = f"http://{NAME}:{port}"
        self.inside = f"http://{LOCAL}:{port}"
        self.sandbox_url = f"http://{LOCAL}:{self.sandbox_port}"
        self.environment = {
            "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "microfund.settings.demo"),
            "SITE_URL": self.url,
            "SANDBOX_URL": self.sandbox_url,
            "LOG_LEVEL": "INFO",
            "PYTHONUNBUFFERED": "1",
        }

    def run(self) -> None:
        """Start, say where it is, keep it running until stopped. Raises :class:`EmbeddedError` with one line."""
        began = time.monotonic()
        with self._only_one(), Supervisor(self.data / "logs", say=self.say) as supervisor:
            try:
                self._check_ports()
                with self._step("database"):
                    self._tell_where()
                    self._database()
                files = self._begin_files(supervisor)
                with self._step("migrations"):
                    call_command("migrate", interactive=False, verbosity=0)
                    call_command("createcachetable", verbosity=0)
                with self._step("translations and static files"):
                    files()
                with self._step("payment sandbox"):
                    supervisor.start(self._sandbox())
                with self._step("demo data"):
                    self._seed(supervisor)
                with self._step("web and worker"):
                    broker.prune(self.data)
                    supervisor.start(self._worker(supervisor), self._web())
                self._welcome(time.monotonic() - began)
                supervisor.watch()
            except Stopped:
                self.say("Stopping …")
            except BaseException:
                supervisor.stop()  # before the line that says why, so that the line is the last
                raise
        connection.close()
        if connection.settings_dict["ENGINE"] == "microfund.kernel.embedded.backend":
            connection.cluster.leave()
        self.say("Stopped. The data is kept; `make demo` starts it again.")

    # -- steps ---------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        except OSError as error:
            raise trouble.from_os_error(error, self.data) from error
        except DatabaseError as error:
            raise trouble.from_output(str(error), self.data, f"could not be used ({name})") from error
        self.say(f"  {name:<32} {time.monotonic() - began:6.1f} s")

    @contextlib.contextmanager
    def _only_one(self) -> Iterator[None]:
        """A second demo over the same data would fight with the first over its jobs."""
        path = self.data / "demo.lock"
        try:
            self.data.mkdir(parents=True, exist_ok=True)
            file = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise EmbeddedError(
                f"The data folder {self.data} can't be written to ({error.strerror}): make it a writable folder, "
                "or set TOMOBUNE_DATA to one."
            ) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise EmbeddedError(
                    f"The demo is running already: {file.read().strip() or 'it is just starting'}. "
                    "Use that one, or stop it with Ctrl-C first."
                ) from None
            file.truncate(0)
            file.write(f"{self.url} (process {os.getpid()})\n")
            file.flush()
            yield

    def _check_ports(self) -> None:
        if not 1 <= self.port <= 65535:
            raise EmbeddedError(
                f"There is no port {self.port}: choose one from 1024 to 65535, e.g. make demo PORT=8000"
            )
        for port, what in ((self.port, "the site"), (self.sandbox_port, "the payment sandbox")):
            if not port_is_free(port):
                free = next((p for p in range(8000, 65000, 10) if port_is_free(p) and port_is_free(p + 1)), 8010)
                raise EmbeddedError(
                    f"Port {port} ({what}) is in use by another program: stop that, or run `make demo PORT={free}`"
                )

    def _tell_where(self) -> None:
        """For commands in another shell: with the demo's settings they find the same sandbox."""
        lines = [f"{name}={self.environment[name]}\n" for name in ("SITE_URL", "SANDBOX_URL")]
        (self.data / ADDRESSES).write_text("".join(lines), encoding="utf-8")

    def _database(self) -> None:
        try:
            connection.ensure_connection()
        except OperationalError as error:
            reason = " ".join(str(error).split())
            raise EmbeddedError(f"The database does not answer ({reason}): check DATABASE_URL.") from error

    def _begin_files(self, supervisor: Supervisor) -> Callable[[], None]:
        """Make what visitors read beside the migrations, if it is not there yet; answers how to await it."""
        if not messages.stale() and _collected(_static_digest()):
            return lambda: None
        return supervisor.begin("files", [sys.executable, "manage.py", "demo", "--files"], self.environment)

    def _seed(self, supervisor: Supervisor) -> None:
        """Build the demo world once. A build that was interrupted is begun anew."""
        if self.empty or "seed_demo" not in get_commands():
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT system_identifier, oid FROM pg_control_system(), pg_database WHERE datname = current_database()"
            )
            identity = " ".join(map(str, cursor.fetchone()))
        stamp = self.data / "demo.seeded"  # of this very database: a new one under old data is seeded again
        if stamp.exists() and stamp.read_text(encoding="ascii") == identity:
            return
        half_made = apps.get_model("businesses", "Business")._default_manager.exists()
        self.say("  demo data: built through the real services, this takes a minute …")
        command = [sys.executable, "manage.py", "seed_demo", *(["--reset"] if half_made else [])]
        supervisor.run("seed", command, self.environment, progress=lambda line: line.endswith(" …"))
        stamp.write_text(identity, encoding="ascii")

    # -- processes -----------------------------------------------------------------------------------------------------

    def _sandbox(self) -> Service:
        command = [sys.executable, "-m", "microfund.sandbox", "--port", str(self.sandbox_port)]
        command += ["--data", str(self.data / "sandbox"), "--webhook-url", self.inside + reverse("stripe-webhook")]
        command += ["--webhook-secret", settings.STRIPE_WEBHOOK_SECRET]
        if settings.STRIPE_SECRET_KEY.startswith("sk_sandbox_"):
            command += ["--secret-key", settings.STRIPE_SECRET_KEY]
        return Service("sandbox", command, answers(f"{self.sandbox_url}/healthz"), self.environment)

    def _worker(self, supervisor: Supervisor) -> Service:
        command = [sys.executable, "-m", "celery", "-A", "microfund.celery", "worker", "-B", "-c", "2"]
        command += ["-s", str(self.data / "beat"), "-l", "INFO", "--without-gossip", "--without-mingle"]
        log = supervisor.log_path("worker")
        begin = log.stat().st_size if log.exists() else 0

        def ready() -> bool:
            if not log.exists():
                return False
            with log.open("rb") as file:
                file.seek(begin if file.seek(0, os.SEEK_END) >= begin else 0)
                return b" ready." in file.read()

        return Service("worker", command, ready, self.environment, stop_seconds=8.0)

    def _web(self) -> Service:
        command = [sys.executable, "-m", "gunicorn", "microfund.wsgi", "--bind", f"{LOCAL}:{self.port}"]
        command += ["--workers", "2", "--threads", "4", "--graceful-timeout", "5", "--access-logfile", "-"]
        command += ["--no-control-socket", "--logger-class", "microfund.site.access_log.Logger"]
        return Service("web", command, answers(f"{self.inside}/healthz"), self.environment)

    # -- what the newcomer reads ---------------------------------------------------------------------------------------

    def _welcome(self, seconds: float) -> None:
        self.say("")
        self.say(f"Ready after {seconds:.0f} s:  {self.url}")
        self.say("")
        if importlib.util.find_spec("microfund.site.demo_logins"):
            from microfund.site import demo_logins

            rows = [("who", "e-mail", "password", "second factor (TOTP secret)"), *demo_logins.LOGINS]
            widths = [max(len(row[column]) for row in rows) for column in range(4)]
            for row in rows:
                self.say("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
            self.say("")
        self.say(f"Payment sandbox and bank: {self.sandbox_url}")
        self.say(f"Mails, codes among them:  {self.data / 'mail'}")
        self.say(f"Logs: {self.data / 'logs'}    Stop with Ctrl-C.")
