"""What a node serves and asks over HTTP, in a world on a real network: how a request is answered, and what a user
holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol
from urllib.parse import urlsplit

from p2plab.errors import ValidationError

if TYPE_CHECKING:
    from p2plab.host.protocols import HttpListening

__all__ = ["HttpHead", "HttpReply", "HttpService", "http_address"]


def http_address(url: str, without: str) -> str:
    """The address of a server, as ``http://127.0.0.1:8080``; ``without`` is a path that users add and need not.
    Raises ValidationError."""
    try:
        split = urlsplit(url)
        good = split.scheme in ("http", "https") and bool(split.hostname) and not split.query and not split.fragment
        _ = split.port
    except ValueError:
        good = False
    if not good or len(url) > 1_000 or not url.isprintable() or "@" in url:
        raise ValidationError(f"{url[:80]!r} is no address of a server: take one such as http://127.0.0.1:8080")
    return url.rstrip("/").removesuffix(without)


class HttpHead(Protocol):
    """The head of an answer; names of headers are in lower case."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Sequence[tuple[str, str]]: ...


class HttpReply(Protocol):
    """How a request is answered."""

    async def whole(self, status: int, headers: Sequence[tuple[str, str]], body: bytes = b"") -> None: ...

    async def head(self, status: int, headers: Sequence[tuple[str, str]]) -> None: ...

    async def data(self, piece: bytes) -> None: ...

    async def end(self) -> None: ...


class HttpService:
    """Something that a node serves over HTTP; ``address`` is its URL."""

    path: ClassVar[str]

    def __init__(self, node: str, listening: HttpListening) -> None:
        self.listening = listening
        self.address = listening.address
        self.port = listening.port
        self._node = node

    @property
    def closed(self) -> bool:
        """Whether it answers no longer."""
        return self.listening.is_closed

    def __str__(self) -> str:
        return self.address

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._node}: {'closed' if self.closed else self.address + self.path}>"
