"""The process: starts with one line, refuses with one line, ends cleanly, loses nothing, imports nothing of ours."""

from __future__ import annotations

import ast
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.sandbox.conftest import make_client, session_params
from tests.sandbox_client import ROOT, ControlError, SandboxProcess

PACKAGE = ROOT / "microfund" / "sandbox"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "microfund.sandbox", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def test_a_port_in_use_is_one_clear_line_and_exit_code_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("--port", port, "--data", str(tmp_path))
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.splitlines() == [
        f"sandbox: cannot listen on 127.0.0.1:{port}: Address already in use. Choose another with --port."
    ]


def test_a_folder_that_cannot_be_used_is_one_clear_line_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    done = run("--port", "0", "--data", str(tmp_path / "file" / "data"))
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "cannot use the folder" in done.stderr


def test_a_folder_has_one_sandbox_at_a_time(tmp_path: Path) -> None:
    with SandboxProcess(data=tmp_path):
        done = run("--port", "0", "--data", str(tmp_path))
    assert done.returncode == 1 and "another sandbox uses it" in done.stderr


@pytest.mark.parametrize("arguments", [["--port", "70000"], ["--webhook-url", "ftp://x"], ["--colour"]])
def test_a_mistaken_command_line_is_exit_code_2(tmp_path: Path, arguments: list[str]) -> None:
    assert run("--data", str(tmp_path), *arguments).returncode == 2


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_term_and_ctrl_c_end_it_with_0_even_while_a_request_hangs(how: signal.Signals) -> None:
    with SandboxProcess() as sandbox:
        sandbox.control("faults", faults=[{"match": "GET /v1/refunds", "kind": "timeout_before", "seconds": 600}])
        with socket.create_connection(("127.0.0.1", sandbox.port)) as hanging:
            hanging.sendall(b"GET /v1/refunds HTTP/1.1\r\nHost: x\r\n\r\n")
            while not sandbox.control("faults")["fired"]:
                time.sleep(0.01)
            sandbox.process.send_signal(how)
            assert sandbox.process.wait(timeout=60) == 0, "it does not wait for the request"


def test_it_ends_when_the_process_that_started_it_is_gone() -> None:
    with SandboxProcess() as sandbox:
        assert sandbox.process.stdin is not None
        sandbox.process.stdin.close()
        assert sandbox.process.wait(timeout=120) == 0


def test_state_survives_a_restart_and_a_kill(tmp_path: Path) -> None:
    first = SandboxProcess(data=tmp_path)
    first.control("clock", at="2027-03-01T12:00:00+09:00")
    sess = make_client(first).v1.checkout.sessions.create(session_params(first), {"idempotency_key": "k"})
    first.control("pay", session=sess.id, how="card")
    first.control("bank/transfer", payer_name="ア", amount=5)
    assert first.stop() == 0

    second = SandboxProcess(data=tmp_path)
    assert second.control("clock")["at"] == "2027-03-01T03:00:00+00:00"
    client = make_client(second)
    assert client.v1.checkout.sessions.create(session_params(second), {"idempotency_key": "k"}).id == sess.id
    refund = client.v1.refunds.create({"payment_intent": client.v1.payment_intents.list().data[0].id})
    os.kill(second.pid, signal.SIGKILL)
    second.stop()

    with SandboxProcess(data=tmp_path) as third:
        assert make_client(third).v1.refunds.retrieve(refund.id).status == "succeeded"
        assert third.control("charges")["by_client_reference_id"]["order-1"]["refunded"] == 21000
        assert b"B00000001" in third.request("GET", "/bank/statement.csv")[1]


def test_undelivered_webhooks_survive_a_restart(tmp_path: Path, receiver: object) -> None:
    with socket.socket() as nobody:  # listens to nobody, and keeps the port from others
        nobody.bind(("127.0.0.1", 0))
        first = SandboxProcess(data=tmp_path, webhook_url=f"http://127.0.0.1:{nobody.getsockname()[1]}/")
        sess = make_client(first).v1.checkout.sessions.create(session_params(first))
        first.control("pay", session=sess.id, how="card")
        first.stop()
    with SandboxProcess(data=tmp_path, webhook_url=receiver.url) as second:  # type: ignore[attr-defined]
        second.wait_for_webhooks()
        assert second.control("webhooks")["counts"] == {"delivered": 3}
    assert len(receiver.received) == 3  # type: ignore[attr-defined]


def test_without_an_endpoint_nothing_waits() -> None:
    with SandboxProcess() as sandbox:
        sess = make_client(sandbox).v1.checkout.sessions.create(session_params(sandbox))
        sandbox.control("pay", session=sess.id, how="card")
        assert sandbox.control("webhooks")["counts"] == {"no_endpoint": 3}


def test_it_logs_a_line_a_request_only_when_asked(tmp_path: Path) -> None:
    for extra, lines in (((), 0), (("--verbose",), 2)):
        log = tmp_path / f"log{lines}"
        command = [sys.executable, "-m", "microfund.sandbox", "--port", "0", "--data", str(tmp_path / f"d{lines}")]
        with log.open("w") as stream:
            process = subprocess.Popen([*command, *extra], cwd=ROOT, stdout=subprocess.PIPE, stderr=stream, text=True)
        assert process.stdout is not None
        port = int(process.stdout.readline().rsplit(":", 1)[1])
        for path in ("/healthz", "/bank/"):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
                while connection.recv(65536):
                    pass
        process.terminate()
        assert process.wait(timeout=120) == 0
        process.stdout.close()
        assert len(log.read_text().splitlines()) == lines


def test_it_listens_on_this_machine_only(sandbox: SandboxProcess) -> None:
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("no /proc here")
    listening = [row.split()[1] for row in table.read_text().splitlines()[1:] if row.split()[3] == "0A"]
    assert [entry for entry in listening if entry.endswith(f":{sandbox.port:04X}")] == [f"0100007F:{sandbox.port:04X}"]


def test_the_control_api_is_closed_to_other_sites(sandbox: SandboxProcess) -> None:
    json_type = {"Content-Type": "application/json"}
    assert sandbox.request("POST", "/_control/reset", "{}", {**json_type, "Host": "evil.example"})[0] == 403
    assert sandbox.request("POST", "/_control/reset", "{}", {"Content-Type": "text/plain"})[0] == 400
    assert sandbox.request("POST", "/_control/reset", "[1]", json_type)[0] == 400
    assert sandbox.request("POST", "/_control/reset", "{", json_type)[0] == 400
    status, body = sandbox.request("POST", "/_control/nothing", "{}", json_type)
    assert status == 404 and b"POST /_control/reset" in body
    assert sandbox.request("POST", "/_control/reset", "{}", json_type)[0] == 200


def test_the_clock_stands_still_runs_on_moves_and_returns(sandbox: SandboxProcess) -> None:
    still = sandbox.control("clock", at="2028-02-29T23:59:59+09:00")
    assert (still["mode"], still["business_date"]) == ("still", "2028-02-29")
    time.sleep(1.1)
    assert sandbox.control("clock")["now"] == still["now"]
    assert sandbox.control("clock", advance_seconds=1)["business_date"] == "2028-03-01"
    assert sandbox.control("clock", advance_seconds=-86400)["business_date"] == "2028-02-29"
    running = sandbox.control("clock", at="2028-02-29T23:59:59+09:00", ticking=True)
    time.sleep(1.1)
    assert sandbox.control("clock")["now"] > running["now"]
    assert abs(sandbox.control("clock", at=None)["now"] - time.time()) < 60
    assert sandbox.control("clock", advance_seconds=360)["mode"] == "ticking"
    with pytest.raises(ControlError, match="with its offset"):
        sandbox.control("clock", at="2028-02-29T23:59:59")


def test_it_stands_alone_and_no_file_is_too_long() -> None:
    allowed = set(sys.stdlib_module_names)
    for path in PACKAGE.glob("*.py"):
        text = path.read_text()
        assert text.count("\n") < 400, path.name
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= allowed, path.name
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                assert (node.module or "").split(".")[0] in allowed, path.name
            if isinstance(node, ast.ImportFrom):
                assert node.level <= 1, path.name
