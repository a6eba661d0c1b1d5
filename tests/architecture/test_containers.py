"""The container files, as far as they can be judged without an engine: they parse, name what exists, keep secrets out.

Building and starting them needs an engine and is not done here (docs/operations.md says so).
"""

import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec

import pytest
import yaml

from microfund.site import healthcheck
from tests.architecture.code import ROOT
from tests.ports import free_ports

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
APP = ("migrate", "web", "worker", "beat")
# The parts of the Compose specification that are used here, with the types it gives them.
KEYS = {
    "image": str,
    "build": dict,
    "command": list,
    "env_file": list,
    "environment": dict,
    "depends_on": dict,
    "healthcheck": dict,
    "ports": list,
    "volumes": list,
    "restart": str,
    "init": bool,
    "read_only": bool,
    "tmpfs": list,
    "cap_drop": list,
    "security_opt": list,
    "logging": dict,
    "profiles": list,
    "shm_size": str,
    "stop_grace_period": str,
}
DURATION = re.compile(r"(\d+(us|ms|s|m|h))+")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, continued lines joined, comments left out."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n", " ", text)
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


# --- Dockerfile ---------------------------------------------------------------------------------------------------


def test_the_dockerfile_has_only_known_instructions_and_two_stages():
    known = {
        "ARG",
        "FROM",
        "ENV",
        "RUN",
        "WORKDIR",
        "COPY",
        "LABEL",
        "USER",
        "EXPOSE",
        "HEALTHCHECK",
        "STOPSIGNAL",
        "CMD",
    }
    assert {name for name, _ in instructions()} <= known
    stages = [rest for name, rest in instructions() if name == "FROM"]
    assert len(stages) == 2
    assert stages[0].endswith(" AS build")
    # One pinned base for both: a wheel that was built for another would not run.
    assert {stage.split()[0] for stage in stages} == {"${PYTHON_IMAGE}"}
    assert dict(instructions())["ARG"].startswith("PYTHON_IMAGE=python:3.11-")


def test_the_process_is_not_root_and_owns_no_code():
    last = instructions()[[name for name, _ in instructions()].index("FROM", 2) :]
    user = [rest for name, rest in last if name == "USER"]
    assert user == ["10001:10001"]
    assert not any("--chown" in rest for name, rest in last if name == "COPY")
    assert [name for name, _ in last].index("USER") < [name for name, _ in last].index("CMD")


def test_packages_are_installed_by_hash_only():
    installs = [rest for name, rest in instructions() if name == "RUN" and "install" in rest and "pip" in rest]
    assert len(installs) == 1
    assert "--require-hashes" in installs[0]
    assert "requirements.lock" in installs[0]
    assert "apt-get" not in (ROOT / "Dockerfile").read_text()


def test_messages_are_compiled_and_static_files_collected_in_the_build():
    text = " ".join(rest for name, rest in instructions() if name == "RUN")
    assert "microfund.kernel.messages compile" in text
    assert "manage.py collectstatic --noinput" in text


def test_everything_that_is_copied_exists_and_is_let_through():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored, "the list names what goes in, not what stays out"
    let_through = {line[1:] for line in ignored if line.startswith("!")}
    copied = set()
    for name, rest in instructions():
        if name == "COPY" and not rest.startswith("--from"):
            copied |= set(rest.split()[:-1])
    assert copied == let_through
    # The catalogues are made by whoever translates; the folder is there from the start.
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert not {"tests", ".env", ".git", ".data", ".venv"} & copied


def test_no_secret_is_baked_in():
    text = (ROOT / "Dockerfile").read_text()
    assert not re.search(r"^(ARG|ENV).*(SECRET|PASSWORD|KEY|TOKEN)", text, re.MULTILINE)
    assert not re.search(r"sk_(live|test)|whsec_|\.env\b", text)


def test_the_image_has_a_health_check_that_exists():
    (check,) = [rest for name, rest in instructions() if name == "HEALTHCHECK"]
    command = json.loads(check[check.index("CMD ") + 4 :])
    assert command[:2] == ["python", "-m"]
    assert find_spec(command[2]) is not None


# --- Compose ------------------------------------------------------------------------------------------------------


def test_the_compose_file_has_the_parts_and_only_known_keys():
    assert set(SERVICES) == {*APP, "postgres", "redis", "mail"}
    assert set(COMPOSE) == {"name", "services", "volumes", "x-app", "x-after-migrations"}
    for name, service in SERVICES.items():
        for key, value in service.items():
            assert key in KEYS, f"{name}: {key}"
            assert isinstance(value, KEYS[key]), f"{name}: {key} is {value!r}"


def test_every_part_that_runs_has_a_health_check():
    for name, service in SERVICES.items():
        check = service.get("healthcheck")
        if name == "web":
            assert check is None, "the image's own"
        elif name == "migrate":
            assert check == {"disable": True}, "it ends"
        else:
            assert check["test"][0] in ("CMD", "CMD-SHELL")
            assert all(DURATION.fullmatch(check[key]) for key in ("interval", "timeout"))


def test_parts_start_when_what_they_need_is_there():
    conditions = {"service_started", "service_healthy", "service_completed_successfully"}
    needs = {
        name: {on: part["condition"] for on, part in service.get("depends_on", {}).items()}
        for name, service in SERVICES.items()
    }
    assert all(set(found.values()) <= conditions and set(found) <= set(SERVICES) for found in needs.values())
    for name in ("web", "worker"):
        assert needs[name] == {
            "migrate": "service_completed_successfully",
            "postgres": "service_healthy",
            "redis": "service_healthy",
        }
    assert needs["migrate"] == {"postgres": "service_healthy"}
    assert needs["beat"]["web"] == "service_healthy"
    # No circle: every part can be put after those that it needs.
    placed: set[str] = set()
    while rest := [name for name in SERVICES if name not in placed and set(needs[name]) <= placed]:
        placed |= set(rest)
    assert placed == set(SERVICES)


def test_a_secret_has_no_default_and_stands_in_no_file():
    text = (ROOT / "docker-compose.yml").read_text()
    for variable, default in re.findall(r"\$\{(\w+)([^}]*)\}", text):
        if re.search(r"PASSWORD|SECRET|KEY", variable):
            assert default.startswith(":?"), f"{variable} must be given"
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|KEY|AUTH|_URL$", key):
                assert re.search(r"\$\{\w+:\?", str(value)), f"{name}: {key}"
    for name in APP:
        assert SERVICES[name]["env_file"] == [".env"]


def test_nothing_but_the_site_and_the_caught_mail_can_be_reached_and_only_from_this_machine():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"web", "mail"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_images_are_pinned_and_volumes_declared():
    for name, service in SERVICES.items():
        if name not in APP:
            assert re.fullmatch(r"[\w/.-]+:v?\d[\w.-]*", service["image"]), service["image"]
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in COMPOSE["volumes"]


def test_our_own_parts_can_write_nowhere_but_to_their_data():
    for name in APP:
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["environment"]["DJANGO_SETTINGS_MODULE"] == "microfund.settings.production"


@pytest.mark.parametrize("name", ["worker", "beat"])
def test_the_commands_are_ones_that_celery_knows(name):
    command = SERVICES[name]["command"]
    assert command[:3] == ["celery", "-A", "microfund.celery"]
    shown = subprocess.run(
        [sys.executable, "-m", "celery", *command[1:4], "--help"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "microfund.settings.test"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert shown.returncode == 0, shown.stderr
    for option in (part for part in command[4:] if part.startswith("-")):
        assert re.search(rf"(^|[\s,]){re.escape(option)}\b", shown.stdout), option


# --- The health check ---------------------------------------------------------------------------------------------


def test_the_images_own_command_starts_under_production_settings_and_is_found_healthy(tmp_path):
    """The command of the Dockerfile, on a free port of this machine, with secrets made for this test."""
    (command,) = [json.loads(rest) for name, rest in instructions() if name == "CMD"]
    port = free_ports()
    command = [part.replace("0.0.0.0:8000", f"127.0.0.1:{port}") for part in command]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "TOMOBUNE_DATA": str(tmp_path),
        "STATIC_ROOT": str(tmp_path / "static"),
        "DJANGO_SETTINGS_MODULE": "microfund.settings.production",
        "SECRET_KEY": "k" * 64,
        "FIELD_ENCRYPTION_KEYS": "f" * 48,
        "FINGERPRINT_KEY": "p" * 48,
        "STRIPE_SECRET_KEY": "sk_test_" + "0" * 24,
        "STRIPE_WEBHOOK_SECRET": "whsec_" + "0" * 24,
        "DATABASE_URL": "postgresql://tomobune:unused@127.0.0.1:1/tomobune",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "ALLOWED_HOSTS": "www.tomobune.example",
        "SITE_URL": "https://www.tomobune.example",
    }
    # As the image is built: its error pages name files that were collected.
    collect = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    subprocess.run(collect, cwd=ROOT, env=environment, check=True, timeout=120)
    check = [sys.executable, "-m", "microfund.site.healthcheck", f"http://127.0.0.1:{port}"]
    log = tmp_path / "log"
    with log.open("wb") as output:
        web = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + 120
        while True:
            done = subprocess.run(check, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
            if done.returncode == 0 or time.monotonic() > deadline:
                break
            assert web.poll() is None, log.read_text()
            time.sleep(0.5)
        assert done.returncode == 0, done.stdout + log.read_text()
        # Under a name that is not the site's, the same check fails: it is the site that answers.
        other = subprocess.run(check, cwd=ROOT, env={**environment, "ALLOWED_HOSTS": "elsewhere.example"}, timeout=120)
        assert other.returncode == 1
        secret = "s" * 43
        answered = ask_for_a_gift(port, secret)
    finally:
        web.terminate()
        web.wait(120)
    gone = subprocess.run(check, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert gone.returncode == 1
    assert "refused" in gone.stdout
    # There is no database, so the request is told of by our log with a traceback, and by the web server.
    said = log.read_text()
    assert answered == 503 and "Traceback" in said
    assert secret not in said
    hidden = "GET /ja/gifts/[secret]/?next=/gifts/[secret]/"
    for line in (f"request='{hidden}'", f'"{hidden} HTTP/1.1" 503'):
        assert line in said


def ask_for_a_gift(port: int, secret: str) -> int:
    """The status of a page whose address is a secret, and whose visitor comes from another such page."""
    client = HTTPConnection("127.0.0.1", port, timeout=60)
    came_from = f"https://www.tomobune.example/me/calendar/{secret}.ics"
    own = {"Host": "www.tomobune.example", "X-Forwarded-Proto": "https", "Referer": came_from}
    client.request("GET", f"/ja/gifts/{secret}/?next=/gifts/{secret}/", headers=own)
    status = client.getresponse().status
    client.close()
    return status


class _Answer(BaseHTTPRequestHandler):
    last: object = None

    def do_GET(self) -> None:
        assert self.path == "/readyz"
        body = json.dumps({"status": "ok", "last_sweep_at": type(self).last}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.parametrize(("age", "code"), [(timedelta(minutes=1), 0), (timedelta(minutes=6), 1), (None, 1)])
def test_the_check_of_the_beat_fails_when_no_sweep_has_run_lately(age, code, capsys):
    _Answer.last = (datetime.now(UTC) - age).isoformat() if age else None
    server = HTTPServer(("127.0.0.1", 0), _Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        assert healthcheck.main(["--sweeps", f"http://127.0.0.1:{server.server_port}"]) == code
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert ("the last sweep ran at" in capsys.readouterr().out) is bool(code)


@pytest.mark.parametrize(
    ("allowed", "name"),
    [
        ("www.a.example,b.example", "www.a.example"),
        (".a.example", "a.example"),
        ("*", "localhost"),
        (None, "localhost"),
    ],
)
def test_the_check_asks_under_a_name_of_the_site(monkeypatch, allowed, name):
    monkeypatch.delenv("ALLOWED_HOSTS", raising=False)
    if allowed:
        monkeypatch.setenv("ALLOWED_HOSTS", allowed)
    assert healthcheck.host_name() == name


def test_the_shell_commands_of_the_compose_file_parse():
    for service in SERVICES.values():
        commands = [service.get("command", [])]
        if service.get("healthcheck", {}).get("test", [""])[0] == "CMD-SHELL":
            commands.append(["sh", "-c", service["healthcheck"]["test"][1]])
        for command in commands:
            if command[:2] == ["sh", "-c"]:
                text = command[2].replace("$$", "$")
                assert shlex.split(text)
                assert subprocess.run(["sh", "-n", "-c", text], timeout=60).returncode == 0
