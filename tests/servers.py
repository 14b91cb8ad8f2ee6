"""A tiny OpenAI-compatible server on this machine, for tests."""

from __future__ import annotations

import base64
import io
import json
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from PIL import Image

Reply = Callable[["Asked"], str]


class Asked:
    """A request as the server saw it."""

    def __init__(self, body: dict[str, Any], key: str) -> None:
        self.body, self.key = body, key
        content = body["messages"][0]["content"]
        self.text = str(content[-1]["text"])
        self.urls = [part["image_url"]["url"] for part in content[:-1]]

    @property
    def images(self) -> list[Image.Image]:
        return [Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))) for url in self.urls]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        # A client that was killed or interrupted hangs up before its question or its answer is through: not
        # this server's failure, and nothing to print among the lines that a test compares.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class FakeServer:
    """Answers `reply(asked)`; before that, one answer for each (status, error) of `failures`."""

    def __init__(self, reply: Reply = lambda asked: f"re: {asked.text}", models: tuple[str, ...] = ("fake",)):
        self.reply, self.models = reply, models
        self.failures: list[tuple[int, dict[str, Any]]] = []
        self.asked: list[Asked] = []
        self.running = self.most_running = 0
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send(200, {"object": "list", "data": [{"id": name} for name in server.models]})

            def do_POST(self) -> None:
                length = int(self.headers["content-length"] or 0)
                data = self.rfile.read(length)
                if not length or len(data) < length:
                    raise ConnectionError("the client was killed before it had asked")
                body = json.loads(data)
                asked = Asked(body, self.headers["authorization"])
                with server._lock:
                    server.asked.append(asked)
                    server.running += 1
                    server.most_running = max(server.most_running, server.running)
                    failure = server.failures.pop(0) if server.failures else None
                try:
                    text = "" if failure else server.reply(asked)
                finally:  # before the client can ask the next
                    with server._lock:
                        server.running -= 1
                if failure:
                    self._send(failure[0], {"error": failure[1]})
                elif body.get("stream"):
                    self._stream(text)
                else:
                    self._send(200, _completion(text))

            def _send(self, status: int, body: dict[str, Any]) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.send_header("retry-after-ms", "1")
                self.end_headers()
                self.wfile.write(data)

            def _stream(self, text: str) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                if text.endswith("[cut]"):  # promises more than will come
                    self.send_header("content-length", "100000")
                self.end_headers()
                for at in range(0, len(text), 4):
                    self._event(
                        [{"index": 0, "delta": {"content": text[at : at + 4]}, "finish_reason": None}]
                    )
                if text.endswith(("[cut]", "[end]")):
                    return
                self._event([{"index": 0, "delta": {}, "finish_reason": "stop"}])
                self._event([], _USAGE)
                self.wfile.write(b"data: [DONE]\n\n")

            def _event(self, choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> None:
                chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "fake"}
                self.wfile.write(
                    f"data: {json.dumps({**chunk, 'choices': choices, 'usage': usage})}\n\n".encode()
                )

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> FakeServer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


_USAGE = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}


def _completion(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    reason = "length" if text.endswith("...") else "stop"
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "fake",
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": _USAGE,
    }
