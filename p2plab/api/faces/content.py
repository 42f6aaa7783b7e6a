"""What both faces of ``node.content`` share: what takes no lab time, and the checks of their arguments."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from p2plab.api.arguments import peer_argument
from p2plab.api.faces.peers import HELLO
from p2plab.api.progress import Progress, reporting
from p2plab.commanded import commanded
from p2plab.errors import ClosedError, ContentError, ValidationError
from p2plab.errors.checked import flag, path_of
from p2plab.errors.frames import Faced
from p2plab.errors.likely import did_you_mean

if TYPE_CHECKING:
    from p2plab.api.faces.blocks import Blocks
    from p2plab.content.verbs import ContentVerbs, PeerLedger, Stat
    from p2plab.identity.cid import Cid
    from p2plab.worlds import World

__all__ = [
    "ContentFace",
    "ReaderFace",
    "adding",
    "as_bytes_or_path",
    "car_version",
    "content_path",
    "fetching",
    "gateway_request",
    "name_for",
    "selector_value",
    "whole_if_small",
]

MOST_IN_HISTORY: Final = 16 << 20  # bytes of a file that a mock lab's history has


class ContentFace(Faced):
    """What both faces of a node's content share: what takes no lab time."""

    def __init__(self, inside: ContentVerbs, world: World) -> None:
        self._inside = inside
        self._world = world

    @property
    def blocks(self) -> Blocks:
        """The blocks that the node has: which there are, their size, pins, garbage collection."""
        from p2plab.api.faces.blocks import Blocks

        return Blocks(self._inside, self._world)

    def stop_gateway(self) -> None:
        """Serve content over HTTP no longer; nothing, if it does not."""
        self._world.call(self._inside.stop_gateway)

    @commanded("content", "content_serve_graphsync alice")
    def serve_graphsync(self, serves: bool = True) -> None:
        """Answer requests by GraphSync from now on, or refuse them; a node does not until it is told to.

        Args:
            serves: False to refuse them

        Example:
            >>> alice.content.serve_graphsync()
        """
        from p2plab.host.content.syncing import GraphSyncService

        service = GraphSyncService.of(cast("Any", self._inside).host)
        self._world.call(service.serve, flag(serves, "serves"))

    @commanded("content", f"content_add alice data=hello; content_fetch bob {HELLO}; content_ledgers alice")
    def ledgers(self) -> list[PeerLedger]:
        """Show what Bitswap gave to each peer and took from it, and how many blocks it still waits for.

        Returns:
            A PeerLedger for each peer that ever wanted or gave something: ``peer``, ``sent`` and ``received`` (bytes),
            ``blocks_sent``, ``blocks_received``, ``wants``, ``cut_off``.

        Example:
            >>> alice.content.ledgers()
            []
        """
        return self._world.read(self._inside.ledgers)

    def wantlist(self) -> list[Cid]:
        """List the blocks that the node itself waits for, the first wanted first.

        Example:
            >>> alice.content.wantlist()
            []
        """
        return self._world.read(self._inside.wantlist)

    def _block_of(self, cid: Cid) -> bytes:
        return self._world.read(self._inside.block, str(cid))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._inside.store!r}>"


class ReaderFace(Faced):
    """What both faces of a reader share."""

    def __init__(self, inside: ContentVerbs, world: World, found: Stat) -> None:
        if found.size is None:
            raise ContentError(f"{found.cid} is a {found.type}, not a file; ls lists directories")
        self._inside = inside
        self._world = world
        self._cid = str(found.cid)
        self._at = 0
        self.size: int = found.size
        """Bytes of the whole file."""
        self.closed = False

    def tell(self) -> int:
        """Where the reader is, in bytes from the beginning."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to another place.

        Args:
            offset: bytes
            whence: from where they count: 0 the beginning, 1 where the reader is, 2 the end

        Returns:
            Where it is now.

        Raises:
            ValidationError: a place before the beginning.
        """
        begins = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}.get(whence)
        if begins is None or begins + offset < 0:
            raise ValidationError(f"seek({offset}, {whence}): there is no such place in a file of {self.size} bytes")
        self._at = begins + offset
        return self._at

    def readable(self) -> bool:
        """True: it is there to be read."""
        return True

    def seekable(self) -> bool:
        """True: any part can be read."""
        return True

    def writable(self) -> bool:
        """False: what has a CID does not change."""
        return False

    def close(self) -> None:
        """Let go of it; reading from it is an error from now on."""
        self.closed = True

    def _left(self, n: int) -> int:
        if self.closed:
            raise ClosedError(f"this reader of {self._cid} is closed; open(cid) makes another")
        left = max(0, self.size - self._at)
        return left if n is None or n < 0 else min(n, left)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._cid}: at {self._at} of {self.size} bytes>"


def as_bytes_or_path(given: Any) -> bytes | str:
    """Content to add: bytes as they are, or the path of a file or folder as absolute text. Raises ValidationError."""
    if isinstance(given, (bytes, bytearray, memoryview)):
        return bytes(given)
    if not isinstance(given, (str, os.PathLike)):
        raise ValidationError(f"add takes bytes, or the path of a file or folder, not {given!r}")
    return os.path.abspath(os.path.expanduser(path_of(given)))


def whole_if_small(content: bytes | str) -> bytes | str:
    """The bytes of a small file in place of its path, so that a history has them; anything else as it is."""
    try:
        if isinstance(content, str) and os.path.isfile(content) and os.path.getsize(content) <= MOST_IN_HISTORY:
            with open(content, "rb") as file:
                return file.read(MOST_IN_HISTORY)
    except OSError:
        pass  # the verb itself says why it cannot be read
    return content


def content_path(cid: Any) -> str:
    """A CID with perhaps names behind it, as text. ValidationError for what begins with no CID."""
    from p2plab.identity.cid import Cid, as_cid

    if isinstance(cid, Cid):
        return str(cid)
    if isinstance(cid, (bytes, bytearray, memoryview)):
        return str(as_cid(cid))
    text = cid.removeprefix("ipfs://").removeprefix("/ipfs/") if isinstance(cid, str) else cid
    if not isinstance(text, str):
        raise ValidationError(f"a CID is text such as bafkrei…, or a Cid, not {cid!r}")
    first, slash, path = text.partition("/")
    return f"{as_cid(first)}{slash}{path}"


def name_for(where: str) -> str:
    """What is written for a CID is called: by the last of the names behind it, or else by the CID."""
    return where.rstrip("/").rpartition("/")[2]


def car_version(version: Any) -> int:
    """1 or 2. Raises ValidationError."""
    if version not in (1, 2) or isinstance(version, bool):
        raise ValidationError(f"version={version!r}: there are CAR files of version 1 and 2")
    return int(version)


def selector_value(selector: Any) -> Any:
    """A selector as plain values; None: everything. Raises ValidationError."""
    from p2plab.content.graphsync import EVERYTHING, parse_selector

    if selector is None:
        return EVERYTHING
    parse_selector(selector)
    return selector


def gateway_request(
    world: World, gateway: Any, format: Any, scope: Any, offset: Any, length: Any, pin: bool
) -> tuple[str, str, str, tuple[int, int | None] | None]:
    """What is asked of a gateway: its address, the form, the scope, and which bytes. Raises ValidationError."""
    from p2plab.api.arguments import check_bytes
    from p2plab.content.gateway.request import SCOPES
    from p2plab.host.http import http_address

    server = http_address(_address_of(world, gateway), "/ipfs")
    if format not in ("car", "raw"):
        raise ValidationError(f"format={format!r}: a trustless gateway gives 'car' and 'raw'")
    if scope not in SCOPES:
        raise ValidationError(f"scope={scope!r}: there are {', '.join(SCOPES)}")
    begins = check_bytes(offset, "offset", 1 << 62)
    size = None if length is None else check_bytes(length, "length", 1 << 62, 1)
    is_part = begins > 0 or size is not None
    if pin and (is_part or scope != "all"):
        raise ValidationError("pin=True keeps a whole graph: take scope='all', without offset and length")
    if not is_part:
        return server, format, scope, None
    return server, format, "entity", (begins, None if size is None else begins + size - 1)


def _address_of(world: World, gateway: Any) -> str:
    """The address of a gateway: its own, that of the node that serves it, or the text itself.
    Raises ValidationError."""
    from p2plab.host.http import HttpService

    if isinstance(gateway, HttpService):
        return str(gateway)
    name = getattr(gateway, "name", gateway)
    if not isinstance(name, str):
        raise ValidationError(
            "a gateway is the address of a server, a node that serves its content, or what content.gateway() gave, "
            f"not {gateway!r}"
        )
    if name is gateway and "/" in name:  # which no name of a node holds
        return str(name)
    host = world.read(world.hosts).get(peer_argument(gateway, world))
    if host is None:
        meant = did_you_mean(name, world.hosts())
        raise ValidationError(
            f"{name[:80]!r} is no node, and no address of a server such as http://127.0.0.1:8080; {meant}".rstrip("; ")
        )
    serving = world.read(lambda: host.content.serving if host.has_content else None)
    if serving is None:
        raise ValidationError(f"{name} serves its content to nobody over HTTP; its content.gateway() would")
    return str(serving.address)


@contextmanager
def adding(
    world: World, inside: ContentVerbs, content: bytes | str, progress: Progress | bool | None
) -> Iterator[None]:
    """While something is added: tell how far it has come."""
    if isinstance(content, bytes):
        yield
        return
    from pathlib import Path

    from p2plab.host.content.files import bytes_below

    with reporting(world, _done(inside), bytes_below(Path(content)), progress):
        yield


@contextmanager
def fetching(world: World, inside: ContentVerbs, progress: Progress | bool | None) -> Iterator[None]:
    """While something is fetched: tell how far it has come, of how much nobody knows."""
    with reporting(world, _done(inside), 0, progress):
        yield


def _done(inside: ContentVerbs) -> Callable[[], int]:
    """What says how far the next one has come that is added or fetched."""
    before = inside.under_way

    def done() -> int:
        added = inside.under_way
        return 0 if added is None or added is before else added.done

    return done
