"""A warmed process that forks one child for each case, so that a killed process costs milliseconds, not a start.

`Zygote` is the driver's side. The process itself (`python -m tests.faults.zygote`) reads one JSON request a line
(`{"case", "context", "plan", "variant", "database"}`), forks, and answers with how the child ended: `status` (0, or the
negative signal), the boundaries it passed, and the database backend it used.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class End:
    """How a child ended. `status` is -9 for SIGKILL; `error` is what it raised, if it raised."""

    status: int
    boundaries: list[str]
    statements: int
    backend: int
    error: str
    result: Any

    @property
    def killed(self) -> bool:
        return self.status == -9


class Zygote:
    """`with Zygote(env) as zygote: zygote.run("confirm", context, plan="boundary:3")`."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote"],
            cwd=ROOT,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "microfund.settings.test",
                "FAULT_POINT": "idle",
                **environment,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ready = self._read()

    def run(
        self, case: str, context: dict[str, Any], *, plan: str = "count", variant: str = "", database: str = ""
    ) -> End:
        """Fork a child that does `case` on `context`, in another database of the server if one is named, and wait for
        its end."""
        assert self._process.stdin is not None
        request = {"case": case, "context": context, "plan": plan, "variant": variant, "database": database}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return End(**self._read())

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the warmed process ended with {self._process.wait()}")
        return json.loads(line)

    def stop(self) -> None:
        """End it; it has no children then."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait(timeout=60)

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()


def wait_for_backend(pid: int, seconds: float = 60) -> None:
    """Until the database has noticed that a killed client is gone, and has rolled back what it held."""
    _wait_for_end_of("pid = %s", [pid], seconds)


def backends() -> list[int]:
    """The process ids of the clients of this test's database, this one among them."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(_CLIENTS)
        return [pid for (pid,) in cursor.fetchall()]


def wait_for_other_backends(known: list[int], seconds: float = 60) -> None:
    """Until no client is left on this test's database but those that were `known` before; see `wait_for_backend`."""
    _wait_for_end_of("NOT pid = ANY(%s)", [known], seconds)


#: The other worker's database is on the same server, and autovacuum is nobody's client.
_CLIENTS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"


def _wait_for_end_of(which: str, parameters: list[Any], seconds: float) -> None:
    from django.db import connection

    deadline = time.monotonic() + seconds
    while True:
        with connection.cursor() as cursor:
            cursor.execute(f"{_CLIENTS} AND {which}", parameters)
            left = [pid for (pid,) in cursor.fetchall()]
        if not left:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"backends {left} outlive their client")
        time.sleep(0.002)


# --- The process ------------------------------------------------------------------------------------------------


def _child(request: dict[str, Any], tell: int) -> None:
    """Do one case and leave; whatever is known is written to `tell` before a death."""
    from django.db import connection

    from investments.payments import gateway
    from tests.faults import cases, points

    gateway._client.cache_clear()
    connection.settings_dict["NAME"] = request["database"] or connection.settings_dict["NAME"]
    connection.ensure_connection()
    backend = connection.connection.get_backend_pid()

    def say(error: str = "", result: Any = None) -> None:
        facts = {
            "boundaries": points.here.boundaries,
            "statements": points.here.statements,
            "backend": backend,
            "error": error,
            "result": result,
        }
        os.write(tell, (json.dumps(facts) + "\n").encode())

    points.here.before_death = say
    case = cases.CASES[request["case"]]
    with cases.variant(request["variant"]):
        points.arm(request["plan"])
        try:
            result = case.act(request["context"])
        except Exception as error:  # reported to the driver, which fails
            import traceback

            say("".join(traceback.format_exception(error)))
            os._exit(1)
        points.here.counting = False
    say(result=result)
    os._exit(0)


def _serve() -> None:
    import django

    django.setup()
    from django.db import connections

    from tests.faults import cases

    cases.warm()
    connections.close_all()
    gc.freeze()  # what children share with this process, no collection of theirs looks at
    print(json.dumps({"pid": os.getpid()}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            # Nothing a service prints may reach the answers.
            os.dup2(2, 1)
            _child(request, write)
        os.close(write)
        with os.fdopen(read) as pipe:
            said = pipe.read().strip()
        _, status = os.waitpid(child, 0)
        facts = json.loads(said.splitlines()[-1]) if said else {}
        answer = {
            "status": os.waitstatus_to_exitcode(status),
            "boundaries": facts.get("boundaries", []),
            "statements": facts.get("statements", 0),
            "backend": facts.get("backend", 0),
            "error": facts.get("error", "" if said else "the child said nothing"),
            "result": facts.get("result"),
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _serve()
