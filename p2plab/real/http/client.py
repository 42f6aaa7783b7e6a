"""One HTTP/1.1 request on trio, with h11: bounded in bytes and in time, without redirects, proxies or cookies.

Not httpx: what it streams are generators within generators, which trio cannot end in order where an answer is too long.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

import h11
import trio

from p2plab.errors import LabError

__all__ = ["HttpAnswer", "Take", "fetch", "stream"]

MAX_HEAD: Final = 16 << 10  # bytes
PIECE: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a server answered. Names of headers are in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def kind(self) -> str:
        """The type of the body, without its parameters."""
        given = next((value for name, value in self.headers if name == "content-type"), "")
        return given.partition(";")[0].strip().casefold()


Take = Callable[[bytes], Awaitable[None]]
"""What is given the pieces of a body as they come."""


async def fetch(
    method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes, most: int, seconds: float
) -> HttpAnswer:
    """Ask a server. LabError where it does not answer in time, answers with over ``most`` bytes, or breaks HTTP."""
    whole = bytearray()

    async def take(piece: bytes) -> None:
        whole.extend(piece)
        if len(whole) > most:
            raise LabError(f"an answer of over {most} bytes")

    with _as_lab_errors(seconds), trio.fail_after(seconds):
        answer = await _ask(method, url, headers, body, lambda _: take, seconds)
    return replace(answer, body=bytes(whole))


async def stream(
    url: str, headers: Sequence[tuple[str, str]], begun: Callable[[HttpAnswer], Take], seconds: float
) -> None:
    """Get what may be long. ``begun`` is given the head of the answer, and gives what takes its pieces as they come.

    LabError where nothing comes for ``seconds``, or where the answer is cut off before its end.
    """
    with _as_lab_errors(seconds):
        await _ask("GET", url, headers, b"", begun, seconds)


@contextmanager
def _as_lab_errors(seconds: float) -> Iterator[None]:
    try:
        yield
    except trio.TooSlowError as error:
        raise LabError(f"no answer within {seconds:g} s") from error
    except (OSError, trio.BrokenResourceError, h11.ProtocolError) as error:
        raise LabError(f"{type(error).__name__}: {error}") from error


async def _ask(
    method: str,
    url: str,
    headers: Sequence[tuple[str, str]],
    body: bytes,
    begun: Callable[[HttpAnswer], Take],
    silence: float,
) -> HttpAnswer:
    split = urlsplit(url)
    host, is_safe = str(split.hostname), split.scheme == "https"
    port = split.port or (443 if is_safe else 80)
    target = (split.path or "/") + (f"?{split.query}" if split.query else "")
    named = [("Host", split.netloc), ("Connection", "close"), ("User-Agent", "p2plab"), *headers]
    length = [("Content-Length", str(len(body)))] if body else []
    request = h11.Request(method=method, target=target, headers=[*named, *length])
    with trio.fail_after(silence):
        opened: trio.abc.Stream
        if is_safe:
            opened = await trio.open_ssl_over_tcp_stream(
                host, port, https_compatible=True, ssl_context=ssl.create_default_context()
            )
        else:
            opened = await trio.open_tcp_stream(host, port)
    async with opened:
        return await _exchange(opened, request, body, begun, silence)


async def _exchange(
    opened: trio.abc.Stream,
    request: h11.Request,
    body: bytes,
    begun: Callable[[HttpAnswer], Take],
    silence: float,
) -> HttpAnswer:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
    data = connection.send(request) or b""
    if body:
        data += connection.send(h11.Data(data=body)) or b""
    with trio.fail_after(silence):
        await opened.send_all(data + (connection.send(h11.EndOfMessage()) or b""))
    answer: HttpAnswer | None = None
    take: Take | None = None
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            with trio.fail_after(silence):
                connection.receive_data(await opened.receive_some(PIECE))
        elif isinstance(event, h11.Response):
            told = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in event.headers)
            answer = HttpAnswer(event.status_code, told, b"")
            take = begun(answer)
        elif isinstance(event, h11.Data) and take is not None:
            await take(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage) and answer is not None:
            return answer
        elif not isinstance(event, h11.InformationalResponse):
            raise LabError("the connection was closed before there was an answer")
