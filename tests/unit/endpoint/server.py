"""An OpenAI-compatible server on loopback that misbehaves on purpose.

What it does follows from what it is asked: `plays` holds, for a text, what to do the first times that it is
the last message of a request; afterwards, and for other texts, the answer is `re: ` and the text.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Play = Callable[["Handler", dict[str, Any]], None]

ANY = "*"


class Server(ThreadingHTTPServer):
    """Knows what it was sent, and how many requests were under way at a time."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.plays: dict[str, list[Play]] = defaultdict(list)
        self.always: Play | None = None
        self.sent: list[dict[str, Any]] = []
        self.lock = threading.Lock()
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def play(self, text: str) -> Play:
        with self.lock:
            for name in (text, ANY):
                if self.plays[name]:
                    return self.plays[name].pop(0)
        return self.always or answer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is no news."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.sent.append({"path": self.path, "headers": dict(self.headers), "body": body})
        self.server.play(body["messages"][-1]["content"])(self, body)

    def reply(self, status: int, content: bytes | dict[str, Any], *, length: int | None = None, **headers: str) -> None:
        whole = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(length if length is not None else len(whole)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(whole)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def completion(text: str | None, finish: str = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return {"object": "chat.completion", "choices": [choice], "usage": usage} | more


def answer(handler: Handler, body: dict[str, Any]) -> None:
    handler.reply(200, completion(f"re: {body['messages'][-1]['content']}"))


def says(document: dict[str, Any] | bytes) -> Play:
    return lambda handler, body: handler.reply(200, document)


def status(code: int, message: str = "no", **headers: str) -> Play:
    return lambda handler, body: handler.reply(code, {"error": {"message": message}}, **headers)


def fails_for_good(message: str, code: str, number: int = 429) -> Play:
    return lambda handler, body: handler.reply(number, {"error": {"message": message, "code": code}})


def half(handler: Handler, body: dict[str, Any]) -> None:
    """Half of what it announced, then the end of the connection."""
    whole = json.dumps(completion("re: all of it")).encode()
    handler.reply(200, whole[: len(whole) // 2], length=len(whole))
    handler.close_connection = True


def nothing(handler: Handler, body: dict[str, Any]) -> None:
    """The end of the connection without a word."""
    handler.close_connection = True


def silence(handler: Handler, body: dict[str, Any]) -> None:
    """Not a word, and the connection stays."""
    handler.server.closing.wait(30)
    handler.close_connection = True


def drip(handler: Handler, body: dict[str, Any]) -> None:
    """A byte now and then, for ever: no single wait is long."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not handler.server.closing.wait(0.05):
        handler.wfile.write(b" ")


def echo(handler: Handler, body: dict[str, Any]) -> None:
    """An error that repeats the header it was sent."""
    handler.reply(400, {"error": {"message": f"bad header {handler.headers['Authorization']}"}})


def echo_plainly(code: int) -> Play:
    """The same as text that is no JSON."""
    return lambda handler, body: handler.reply(code, f"<p>{handler.headers['Authorization']}</p>".encode())


def echo_as_answer(handler: Handler, body: dict[str, Any]) -> None:
    handler.reply(200, completion(f"you sent {handler.headers['Authorization']}"))


@contextmanager
def running() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
