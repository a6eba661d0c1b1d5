"""The HTTP server: sockets, routes between the parts, and the faults that need a socket."""

from __future__ import annotations

import secrets
import socket
import struct
import sys
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from . import api, bank_pages, control, hosted
from .engine import Sandbox
from .faults import BEFORE, Fault
from .http_types import Request, Response
from .pages import MARK, style_sheet

MAX_BODY = 4 * 1024 * 1024


class Server(ThreadingHTTPServer):
    """One thread a connection, on 127.0.0.1 only."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        super().__init__(("127.0.0.1", box.settings.port), Handler)
        box.base_url = f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self.server_address[1]

    def service_actions(self) -> None:
        """Between requests: let deadlines take effect. A failure there must not end the server."""
        try:
            self.box.tick()
        except Exception:
            traceback.print_exc()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            traceback.print_exc()


class Handler(BaseHTTPRequestHandler):
    """Reads a request, applies its fault if one is on order, answers."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "sandbox"
    sys_version = ""
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 120

    def _handle(self) -> None:
        started = time.monotonic()
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BODY or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._send(Response.json({"error": {"message": "a body of at most 4 MB with Content-Length"}}, 413))
            return
        body = self.rfile.read(int(length))
        request = Request(self.command, self.path, self.headers, body, "req_" + secrets.token_hex(7))
        response = self._spoiled(request)
        self._remember(request, response)
        if response is None:
            self.close_connection = True
        else:
            self._send(response, request.id)
        if self.server.box.settings.verbose:
            took = (time.monotonic() - started) * 1000
            status = response.status if response else "cut"
            sys.stderr.write(f"{request.id} {request.method} {request.target} {status} {took:.1f} ms\n")

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _handle  # noqa: N815 - names of the base class

    def _remember(self, request: Request, response: Response | None) -> None:
        if not request.path.startswith("/v1/"):
            return
        self.server.box.requests.append(
            {
                "request": request.id,
                "method": request.method,
                "path": request.path,
                "key": request.headers.get("Idempotency-Key"),
                "status": response.status if response else None,
                "replayed": bool(response and "Idempotent-Replayed" in response.headers),
            }
        )

    def _spoiled(self, request: Request) -> Response | None:
        """The answer, or None when the connection ends without one."""
        box = self.server.box
        fault = None if control.is_control(request.path) else box.faults.take(request.method, request.path)
        if fault is None:
            return self._dispatch(request)
        seen: dict[str, Any] = {"request": request.id, "key": request.headers.get("Idempotency-Key")}
        if fault.kind in BEFORE:
            box.faults.fired(fault, **seen)
            return self._refused(fault)
        response = self._dispatch(request, fault)
        box.faults.fired(fault, **seen, effect=response.effect or response.status)
        if fault.kind == "timeout_after":
            box.faults.wait(fault)
            return None
        if fault.kind == "reset_after":
            self._reset()
            return None
        return api.server_error() if fault.kind == "500_after" else response

    def _refused(self, fault: Fault) -> Response | None:
        if fault.kind == "429":
            return api.rate_limit()
        if fault.kind == "500":
            return api.server_error()
        if fault.kind == "timeout_before":
            self.server.box.faults.wait(fault)
        else:
            self._reset()
        return None

    def _reset(self) -> None:
        # With a linger time of zero the close below sends RST instead of FIN.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _dispatch(self, request: Request, fault: Fault | None = None) -> Response:
        box = self.server.box
        slow = fault if fault is not None and fault.kind == "slow" else None

        def before_effect() -> None:
            if slow is not None:
                box.faults.wait(slow)

        path = request.path
        try:
            if path.startswith("/v1/"):
                spoil = fault is not None and fault.kind == "500_stored"
                return api.handle(box, request, before_effect, spoil)
            before_effect()
            if path == "/healthz":
                return Response.json({"status": "ok", "now": box.clock.now()})
            if control.is_control(path):
                return control.handle(box, request)
            if path == "/assets/sandbox.css":
                return Response(200, style_sheet(), "text/css; charset=utf-8", {"Cache-Control": "max-age=300"})
            if path == "/assets/mark.svg":
                return Response(200, MARK, "image/svg+xml", {"Cache-Control": "max-age=300"})
            if path.startswith(("/pay/", "/konbini/")):
                return hosted.handle(box, request)
            if path == "/" or path.startswith("/bank"):
                return bank_pages.handle(box, request)
            return hosted.not_found(request)
        except Exception:
            traceback.print_exc()
            error = {"type": "api_error", "message": "The sandbox itself failed; its log has the details."}
            return Response.json({"error": error}, 500)

    def _send(self, response: Response, request_id: str = "") -> None:
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        if request_id:
            self.send_header("Request-Id", request_id)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(response.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - signature of the base class
        """Quiet: _handle logs."""
