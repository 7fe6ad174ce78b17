"""Bounds that hold before any endpoint: how large a body may be, and who may ask.

A service without access keys is for its own machine only. A web page open in that machine's browser
could still reach it under a name of its own (DNS rebinding), so the Host header has to be ours.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem


class _TooLarge(Exception):
    """More bytes came than are allowed."""


class BodyLimit:
    """Answers 413 once a body has more than `most` bytes, announced or not."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app = app
        self.most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isascii() or not announced.isdigit() or int(announced[:20]) > self.most:
            await self._refuse(scope, receive, send)
            return
        seen = 0
        answered = False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.most:
                raise _TooLarge
            return message

        async def watched(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self.app(scope, counted, watched)
        except _TooLarge:
            if answered:
                raise
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        detail = f"the body has more than {self.most} bytes; a spec names its data by path, it does not hold it"
        await problem(413, "body-too-large", detail, scope["path"])(scope, receive, send)


class KnownHosts:
    """Answers 421 where the Host header is none of `hosts`."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self.app = app
        self.hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            host = Headers(scope=scope).get("host", "")
            name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
            if name.lower() not in self.hosts:
                detail = f"unknown host {name[:80]!r}; without access keys the service answers its own machine only"
                await problem(421, "unknown-host", detail, scope["path"])(scope, receive, send)
                return
        await self.app(scope, receive, send)
