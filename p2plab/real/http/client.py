"""One HTTP/1.1 request on trio, with h11: bounded in bytes and in time, without redirects, proxies or cookies.

Not httpx: what it streams are generators within generators, which trio cannot end in order where an answer is too long.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import h11
import trio

from p2plab.errors import LabError

__all__ = ["HttpAnswer", "fetch"]

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


async def fetch(
    method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes, most: int, seconds: float
) -> HttpAnswer:
    """Ask a server. LabError where it does not answer in time, answers with over ``most`` bytes, or breaks HTTP."""
    split = urlsplit(url)
    host, is_safe = str(split.hostname), split.scheme == "https"
    port = split.port or (443 if is_safe else 80)
    target = (split.path or "/") + (f"?{split.query}" if split.query else "")
    named = [("Host", split.netloc), ("Connection", "close"), ("User-Agent", "p2plab"), *headers]
    length = [("Content-Length", str(len(body)))] if body else []
    request = h11.Request(method=method, target=target, headers=[*named, *length])
    try:
        with trio.fail_after(seconds):
            stream: trio.abc.Stream
            if is_safe:
                stream = await trio.open_ssl_over_tcp_stream(
                    host, port, https_compatible=True, ssl_context=ssl.create_default_context()
                )
            else:
                stream = await trio.open_tcp_stream(host, port)
            async with stream:
                return await _exchange(stream, request, body, most)
    except trio.TooSlowError as error:
        raise LabError(f"no answer within {seconds:g} s") from error
    except (OSError, trio.BrokenResourceError, h11.ProtocolError) as error:
        raise LabError(f"{type(error).__name__}: {error}") from error


async def _exchange(stream: trio.abc.Stream, request: h11.Request, body: bytes, most: int) -> HttpAnswer:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
    data = connection.send(request) or b""
    if body:
        data += connection.send(h11.Data(data=body)) or b""
    await stream.send_all(data + (connection.send(h11.EndOfMessage()) or b""))
    head: h11.Response | None = None
    whole = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await stream.receive_some(PIECE))
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            whole += event.data
            if len(whole) > most:
                raise LabError(f"an answer of over {most} bytes")
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            told = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in head.headers)
            return HttpAnswer(head.status_code, told, bytes(whole))
        elif not isinstance(event, h11.InformationalResponse):
            raise LabError("the connection was closed before there was an answer")
