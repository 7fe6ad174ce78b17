"""One request over HTTP and what came back: an Answer, or a Setback.

Raises only what concerns every request to this endpoint (EndpointRefused). No exception of httpx gets out,
not even as a cause: its text may hold a header, and a header holds the key. Redirects are not followed,
since they would carry the key to wherever the answer points.
"""

from __future__ import annotations

import email.utils
import json
import logging
import time
from dataclasses import dataclass
from typing import Any, NoReturn

import httpx

from cftray.endpoint.budget import Spent
from cftray.endpoint.catalogue import VARIABLE, EndpointSettings
from cftray.endpoint.keys import Key
from cftray.endpoint.messages import Answer, ChatRequest, Reason, estimated_tokens, well_formed
from cftray.endpoint.pace import Clock
from cftray.errors import EndpointRefused

CONNECT_S = 10.0
LONGEST_BODY = 16 << 20
"""Bytes; an answer that is longer is none."""
TOLD = 200
"""Characters of a server's own words that a message repeats."""
WAIT_AND_SEE = frozenset({408, 425, 429})
"""With 500 and above, the statuses after which the same request may succeed."""
NO_MONEY = ("insufficient_quota", "billing_hard_limit_reached")
"""Codes under which a 429 is final."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setback:
    """A request without an answer this time. `wait_s`: what the server asked for. `used` may have been charged."""

    reason: Reason
    message: str
    again: bool
    wait_s: float | None = None
    used: Spent = Spent(requests=1)


class Exchange:
    """The connections to one endpoint; any number of threads may use it."""

    def __init__(self, name: str, settings: EndpointSettings, key: Key | None, clock: Clock) -> None:
        self.name = name
        self.settings = settings
        self.key = key
        self.clock = clock
        for library in ("httpx", "httpcore"):  # they would log a line a request, and at DEBUG the headers
            logging.getLogger(library).setLevel(logging.WARNING)
        headers = {"Authorization": f"Bearer {key.reveal()}"} if key is not None else {}
        self._client = httpx.Client(
            headers=headers | {"Content-Type": "application/json"},
            timeout=httpx.Timeout(settings.timeout_s, connect=min(CONNECT_S, settings.timeout_s)),
            limits=httpx.Limits(max_connections=None),
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def send(self, request: ChatRequest) -> Answer | Setback:
        """Ask once. Raises EndpointRefused where no request would be answered."""
        unread = Spent(requests=1, prompt_tokens=request.likely_prompt_tokens)
        try:
            response, body = self._round_trip(request)
        except httpx.TimeoutException:
            said = f"no whole answer within {self.settings.timeout_s:g} s"
            return Setback(reason=Reason.UNAVAILABLE, message=said, again=True, used=unread)
        except _HalfAnswer as error:
            return Setback(reason=Reason.BROKEN, message=error.said, again=True, used=unread)
        except httpx.HTTPError as error:
            said = f"no connection, or one that ended before an answer ({type(error).__name__})"
            return Setback(reason=Reason.UNAVAILABLE, message=said, again=True)
        if response.status_code == 200:
            return self._answer(request, body)
        return self._no(response, body, request)

    def _round_trip(self, request: ChatRequest) -> tuple[httpx.Response, bytes]:
        sent = {
            "model": request.model,
            "messages": request.turns,
            self.settings.limit_field: request.max_tokens,
            "temperature": request.temperature,
        } | ({"seed": request.seed} if request.seed is not None else {})
        end = self.clock.now() + self.settings.timeout_s
        url = f"{self.settings.url}/chat/completions"
        with self._client.stream("POST", url, content=json.dumps(sent).encode()) as response:
            return response, self._read(response, end)

    def _read(self, response: httpx.Response, end: float) -> bytes:
        """The whole body. A server that sends a byte now and then does not outlast the time for an answer."""
        body = bytearray()
        try:
            for part in response.iter_bytes():
                body += part
                if len(body) > LONGEST_BODY:
                    raise _HalfAnswer(f"more than {LONGEST_BODY >> 20} MiB, which is no answer")
                if self.clock.now() > end:
                    raise httpx.ReadTimeout("too slow")
        except httpx.TimeoutException:
            raise
        except httpx.HTTPError:
            raise _HalfAnswer(f"half an answer: it ended after {len(body)} bytes") from None
        return bytes(body)

    def _answer(self, request: ChatRequest, body: bytes) -> Answer | Setback:
        document = _parsed(body)
        used, estimated = _usage(document, request, body)
        problem = _no_answer(document)
        if problem is not None:
            said = f"{problem}: {self._words(document, body)}"
            return Setback(reason=Reason.BROKEN, message=said, again=True, used=used)
        choice = document["choices"][0]
        text, finish = well_formed(choice["message"].get("content") or ""), str(choice.get("finish_reason") or "")
        if finish == "content_filter":
            said = "the endpoint's filter held the answer back"
            return Setback(reason=Reason.REFUSED, message=said, again=False, used=used)
        if self.key is not None and self.key.shows_in(text + finish):
            said = "the answer holds the key that was sent with the request"
            return Setback(reason=Reason.BROKEN, message=said, again=True, used=used)
        return Answer(
            text=text,
            finish_reason=finish[:64],
            prompt_tokens=used.prompt_tokens,
            completion_tokens=used.completion_tokens,
            estimated=estimated,
        )

    def _no(self, response: httpx.Response, body: bytes, request: ChatRequest) -> Setback:
        """What any status but 200 means."""
        status, document = response.status_code, _parsed(body)
        said = f"{status}: {self._words(document, body)}"
        if status in (401, 403):
            self._refuse(said, self._about_key())
        if status == 404:
            where = f"and the url of {self.name} in {VARIABLE}"
            self._refuse(said, f"asked for model {request.model}; check that name {where}")
        if 300 <= status < 400:
            self._refuse(said, f"a redirect is not followed; put the final address into {VARIABLE}")
        if status == 402 or (status == 429 and _code(document) in NO_MONEY):
            self._refuse(said, "its account has nothing left to spend")
        if status in WAIT_AND_SEE or status >= 500:
            wait_s = _retry_after(response.headers.get("Retry-After"))
            return Setback(reason=Reason.UNAVAILABLE, message=said, again=True, wait_s=wait_s)
        if status < 400:
            return Setback(reason=Reason.BROKEN, message=said, again=True)
        sent = f"sent {len(request.messages)} messages of about {request.likely_prompt_tokens} tokens to "
        sent += f"{request.model}, {self.settings.limit_field} {request.max_tokens}, temperature {request.temperature:g}"
        return Setback(reason=Reason.REFUSED, message=f"{said} ({sent})", again=False)

    def _refuse(self, said: str, advice: str) -> NoReturn:
        raise EndpointRefused(f"endpoint {self.name} answered {said}; {advice}")

    def _about_key(self) -> str:
        if self.key is None:
            return f"it was asked without a key; name the variable of one as key_env of {self.name} in {VARIABLE}"
        return f"check the key in the environment variable {self.key.variable}, and what it is allowed to do"

    def _words(self, document: Any, body: bytes) -> str:
        """The server's own words in one line, without the key."""
        text = _message(document) or body[:LONGEST_BODY].decode(errors="replace")
        hidden = self.key.hide(text) if self.key is not None else text
        line = " ".join(hidden.split())
        return (line if len(line) <= TOLD else line[: TOLD - 1] + "…") or "nothing"


class _HalfAnswer(Exception):
    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


def _parsed(body: bytes) -> Any:
    """The JSON in a body; None where it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _no_answer(document: Any) -> str | None:
    """What is missing for an answer in the shape of a chat completion."""
    if not isinstance(document, dict):
        return "no JSON object"
    choices = document.get("choices")
    if not isinstance(choices, list) or not choices:
        return "no choices"
    message = choices[0].get("message") if isinstance(choices[0], dict) else None
    if not isinstance(message, dict):
        return "no message"
    if not isinstance(message.get("content"), str) and choices[0].get("finish_reason") not in ("length", "content_filter"):
        return "no text"
    return None


def _usage(document: Any, request: ChatRequest, body: bytes) -> tuple[Spent, bool]:
    """What was used, and whether that is an estimate."""
    usage = document.get("usage") if isinstance(document, dict) else None
    counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")] if isinstance(usage, dict) else []
    if counts and all(type(one) is int and one >= 0 for one in counts):
        return Spent(requests=1, prompt_tokens=counts[0], completion_tokens=counts[1]), False
    completion = min(estimated_tokens(len(body)), request.max_tokens)
    return Spent(requests=1, prompt_tokens=request.likely_prompt_tokens, completion_tokens=completion), True


def _error(document: Any) -> Any:
    return document.get("error") if isinstance(document, dict) else None


def _message(document: Any) -> str | None:
    error = _error(document)
    if isinstance(error, str):
        return error
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else None


def _code(document: Any) -> str | None:
    error = _error(document)
    return str(error.get("code") or error.get("type")) if isinstance(error, dict) else None


def _retry_after(value: str | None) -> float | None:
    """Seconds, or the time until an HTTP date; None where it says neither."""
    if value is None:
        return None
    try:
        return max(0.0, float(value)) if float(value) < float("inf") else None
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
