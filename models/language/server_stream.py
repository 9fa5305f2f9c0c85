"""One streamed request to an OpenAI-compatible server: events in, errors as sentences.

Knows HTTP and server-sent events; it does not know what the events mean. The exchange runs on an
event loop in a thread of its own, because only there can a connection that is waiting for the
server be closed at once when the answer is no longer wanted.
"""

import asyncio
import contextlib
import json
import queue
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from math import isfinite
from time import time
from typing import Any

import httpx

from megacontext.configs.errors import RemoteModelError

from ..base import Cancel

_POLL_S = 0.02
_TRIES = 3
_DEFAULT_WAIT_S = 1.0
_LONGEST_WAIT_S = 30.0
_LONGEST_TEXT = 300  # characters of a server's own words in a message
_BUSY = {429, 503}


@dataclass(frozen=True)
class Server:
    """Where to ask. Key and password are kept out of `repr` and of every message."""

    base_url: str = field(repr=False)
    timeout_s: float = 60.0
    key: str | None = field(default=None, repr=False)

    def shown(self, path: str = "") -> str:
        """The address without a user name or password in it."""
        scheme, _, rest = self.base_url.rstrip("/").partition("://")
        host, slash, tail = rest.partition("/")
        return f"{scheme}://{host.rpartition('@')[2]}{slash}{tail}{path}"

    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def quote(self, text: str) -> str:
        """A server's own words, shortened, without the key it may repeat."""
        words = " ".join(text.split())
        return (words.replace(self.key, "***") if self.key else words)[:_LONGEST_TEXT]


def stream_events(
    server: Server, path: str, body: Mapping[str, Any], cancel: Cancel | None = None
) -> Iterator[dict[str, Any]]:
    """Post `body` and yield each event of the answer, until `[DONE]` or the end.

    Ends early, with the connection closed, once `cancel` is set or the iterator is closed. Waits
    and tries again, a few times, where the server says it is busy. Raises `RemoteModelError`.
    """
    exchange = _Exchange(server, path, body)
    exchange.start()
    try:
        while cancel is None or not cancel.is_set():
            with contextlib.suppress(queue.Empty):
                event = exchange.events.get(timeout=_POLL_S)
                if event is None:
                    return
                if isinstance(event, BaseException):
                    raise event
                yield event
    finally:
        exchange.close()


class _Exchange(threading.Thread):
    """The thread that talks to the server; `events` ends with None or an exception."""

    def __init__(self, server: Server, path: str, body: Mapping[str, Any]) -> None:
        super().__init__(name="remote-model", daemon=True)
        self.events: queue.Queue[dict[str, Any] | BaseException | None] = queue.Queue()
        self._server = server
        self._path = path
        self._body = dict(body)
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(self._talk())

    def run(self) -> None:
        """Talk until the answer ends, fails or is cancelled."""
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._task)
            self.events.put(None)
        except asyncio.CancelledError:
            self.events.put(None)
        except RemoteModelError as exc:
            self.events.put(exc)
        except Exception as exc:  # noqa: BLE001  (handed to the thread that asked)
            self.events.put(exc)
        finally:
            self._close_loop()

    def _close_loop(self) -> None:
        """Let what is left of the answer be closed; a loop that is closed before it complains aloud."""
        loop = self._loop
        loop.run_until_complete(loop.shutdown_asyncgens())
        left = asyncio.gather(*asyncio.all_tasks(loop), return_exceptions=True)
        loop.run_until_complete(left)
        loop.close()

    def close(self) -> None:
        """Close the connection and wait for the thread to end."""
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._task.cancel)
        self.join()

    async def _talk(self) -> None:
        try:
            async with httpx.AsyncClient(timeout=self._server.timeout_s) as client:
                async for event in self._events(client):
                    self.events.put(event)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as exc:
            raise self._broken(exc) from exc
        except ExceptionGroup as exc:  # of the connecting tasks, for a port above 65535
            raise self._broken(httpx.ConnectError(str(exc))) from exc

    async def _events(self, client: httpx.AsyncClient) -> AsyncIterator[dict[str, Any]]:
        for attempt in range(1, _TRIES + 1):
            url = self._server.base_url.rstrip("/") + self._path
            headers = self._server.headers()
            async with client.stream("POST", url, json=self._body, headers=headers) as response:
                if response.status_code == 200:
                    async for event in self._parse(response):
                        yield event
                    return
                if response.status_code not in _BUSY or attempt == _TRIES:
                    raise await self._refused(response)
                wait = _retry_after(response)
            await asyncio.sleep(wait)

    async def _parse(self, response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
        seen = False
        async for line in response.aiter_lines():
            if not line.startswith("data:"):
                continue
            data = line[5:].strip()
            seen = True
            if data == "[DONE]":
                return
            yield self._event(data)
        if not seen:
            raise self._error(
                "answered without any event; check that model.remote.base_url is "
                "the address of an OpenAI-compatible API, usually ending in /v1"
            )

    def _event(self, data: str) -> dict[str, Any]:
        try:
            event = json.loads(data)
        except ValueError as exc:
            raise self._error(
                f"sent an event that is no JSON: {self._server.quote(data)!r}"
            ) from exc
        if not isinstance(event, dict):
            raise self._error(f"sent an event that is no object: {self._server.quote(data)!r}")
        if event.get("error"):
            raise self._error(f"broke off with an error: {self._server.quote(_words(event))}")
        return event

    async def _refused(self, response: httpx.Response) -> RemoteModelError:
        await response.aread()
        said = self._server.quote(_words(_json_or_text(response)))
        match response.status_code:
            case 401 | 403:
                mend = "set the environment variable that model.remote.api_key_env names to a key"
            case 404:
                mend = "check model.remote.base_url (usually it ends in /v1) and model.remote.model"
            case 429:
                mend = "wait a while, or choose another server"
            case 400 | 413 | 422:
                mend = (
                    "lower the budget, or check that the server can do what was asked "
                    "(where it cannot take tools, set model.remote.tools to words)"
                )
            case status if status >= 500:
                mend = "look at the server's own log"
            case _:
                mend = "check model.remote.base_url"
        reason = (
            f"answered {response.status_code} ({said})"
            if said
            else (f"answered {response.status_code}")
        )
        return self._error(f"{reason}; {mend}")

    def _broken(self, exc: Exception) -> RemoteModelError:
        match exc:
            case httpx.ConnectError() | httpx.ConnectTimeout():
                what = "cannot be reached; start the server or correct model.remote.base_url"
            case httpx.TimeoutException():
                what = (
                    f"said nothing for {self._server.timeout_s:g} s; "
                    "raise model.remote.timeout_s or look at the server's own log"
                )
            case httpx.InvalidURL() | httpx.UnsupportedProtocol():
                what = "is no address; correct model.remote.base_url"
            case _:
                what = "cut the connection before the answer was complete; ask again"
        return self._error(what)

    def _error(self, what: str) -> RemoteModelError:
        return RemoteModelError(f"the model server {self._server.shown(self._path)} {what}")


def _retry_after(response: httpx.Response) -> float:
    """Seconds to wait: what the server asks for, within reason."""
    value = response.headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time()
        except ValueError:
            seconds = _DEFAULT_WAIT_S
    return min(max(seconds, 0.0), _LONGEST_WAIT_S) if isfinite(seconds) else _DEFAULT_WAIT_S


def _json_or_text(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return response.text


def _words(answer: Any) -> str:
    """What a server says of an error, in the several shapes servers have for it."""
    if isinstance(answer, dict):
        inner = answer.get("error") or answer.get("message") or answer.get("detail") or ""
        return _words(inner) if isinstance(inner, dict) else str(inner)
    return str(answer)
