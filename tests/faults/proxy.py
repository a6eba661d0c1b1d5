"""A proxy between libpq and PostgreSQL that can eat the answer to what commits: COMMIT, or the one CALL that is a
transaction of its own. The server has committed, nobody is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

#: What libpq sends for a plain COMMIT: a simple query.
_COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
#: The beginning of a simple query after its type and length.
_CALL = b"CALL "
#: The end of its answer: ready for the next query, outside of a transaction.
_READY = b"Z\x00\x00\x00\x05I"
_MOST = 1 << 16


class Proxy:
    """Passes everything on, on a port of 127.0.0.1. While `hungry`, the answer to the next commit is eaten: it is read
    to its end, then both sides are closed. `eaten` counts them."""

    def __init__(self, host: str, port: str) -> None:
        self._upstream = (host, port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = self._listening.getsockname()
        self.hungry = threading.Event()
        self.eaten = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept nobody any more."""
        self._listening.close()

    def _connect(self) -> socket.socket:
        host, port = self._upstream
        if not host.startswith("/"):
            return socket.create_connection((host or "127.0.0.1", int(port or 5432)))
        upstream = socket.socket(socket.AF_UNIX)
        upstream.connect(f"{host}/.s.PGSQL.{port or 5432}")
        return upstream

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listening.accept()
            except OSError:  # closed: the proof is over
                return
            server = self._connect()
            commit = threading.Event()
            for pump in (self._to_server, self._to_client):
                threading.Thread(target=pump, args=[client, server, commit], daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket, commit: threading.Event) -> None:
        while data := _read(client):
            if (data == _COMMIT or (data[:1] == b"Q" and data[5:].startswith(_CALL))) and self.hungry.is_set():
                self.hungry.clear()
                commit.set()
            try:
                server.sendall(data)
            except OSError:  # ended while this was on its way
                break
        _end(server)

    def _to_client(self, client: socket.socket, server: socket.socket, commit: threading.Event) -> None:
        answer = b""
        while data := _read(server):
            if not commit.is_set():
                client.sendall(data)
                continue
            answer += data
            if answer.endswith(_READY):
                self.eaten += 1
                _end(server)
                break
        _end(client)


def _read(end: socket.socket) -> bytes:
    """What came, nothing at the end, however it came about."""
    try:
        return end.recv(_MOST)
    except OSError:
        return b""


def _end(end: socket.socket) -> None:
    """Close both directions, so that whoever reads there wakes up."""
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was faster
    finally:
        end.close()


@contextmanager
def between() -> Iterator[Proxy]:
    """This thread's connection goes through a proxy inside of the block."""
    own: dict[str, Any] = connection.settings_dict
    kept = {name: own[name] for name in ("HOST", "PORT")}
    proxy = Proxy(str(kept["HOST"]), str(kept["PORT"]))
    connection.close()
    own["HOST"], own["PORT"] = proxy.address[0], str(proxy.address[1])
    try:
        yield proxy
    finally:
        connection.close()
        own.update(kept)
        proxy.close()
