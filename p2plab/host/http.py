"""What a node serves over HTTP, in a world on a real network: how a request is answered, and what a user holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from p2plab.host.protocols import HttpListening

__all__ = ["HttpReply", "HttpService"]


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
