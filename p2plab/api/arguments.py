"""What a user may pass to the verbs, checked once for every face: the value in its plain form, or a clear error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from p2plab.errors import ValidationError
from p2plab.errors.checked import utf8
from p2plab.stream.negotiation.versions import check_version
from p2plab.text import shown
from p2plab.typing import Connection, PeerInfo
from p2plab.worlds import World, bare

__all__ = [
    "LIBRARIES",
    "Peer",
    "check_bytes",
    "check_name",
    "check_port",
    "check_protocol",
    "check_protocols",
    "check_retries",
    "check_seconds",
    "check_timeout",
    "peer_argument",
]

Peer: TypeAlias = Any  # a Node, an AsyncNode, a PeerInfo, a node's name or a peer id; to dial also a multiaddr

MAX_NAME = 64  # characters of a node's name: it has to fit into pictures and tables
LIBRARIES: Final = ("libp2p", "multiaddr")  # whose objects may name a peer
MAX_RETRIES = 100  # of a dial


def check_name(name: object) -> str:
    """A node's name: text that reads as one word or a few, and cannot be taken for an address."""
    if not isinstance(name, str):
        raise ValidationError(f"a node's name must be a str, not {name!r}")
    if not name.strip() or name != name.strip() or len(name) > MAX_NAME or not name.isprintable() or "/" in name:
        raise ValidationError(
            f"{name[:80]!r} cannot be a node's name: take 1 to {MAX_NAME} printable characters, "
            "no slash, and no space at the ends"
        )
    if shown(name) != name:
        raise ValidationError(
            f"{name!a} cannot be a node's name: people see {shown(name)!r}, since it has letters that pass for another "
            "alphabet's, or signs that cannot be seen"
        )
    return name


def check_protocol(protocol: object) -> str:
    """A protocol id as multistream-select can carry it: one line that begins with a slash."""
    if not isinstance(protocol, str):
        raise ValidationError(f"a protocol id must be a str, not {type(protocol).__name__} ({protocol!r})")
    if not protocol.startswith("/") or "\n" in protocol or len(utf8(protocol, "the protocol id")) > 1024:
        raise ValidationError(
            f"{protocol[:80]!r} is no protocol id: it must be one line, begin with '/', as '/echo/1.0.0'"
        )
    return check_version(protocol)


def check_protocols(protocols: str | Sequence[str]) -> list[str]:
    """One protocol id or several, the most wanted first."""
    wanted = [protocols] if isinstance(protocols, str) else protocols
    if not isinstance(wanted, Sequence) or isinstance(wanted, (bytes, bytearray)):
        raise ValidationError(f"open_stream takes a protocol id or a list of them, not {protocols!r}")
    if not wanted:
        raise ValidationError("open_stream needs at least one protocol id, such as '/echo/1.0.0'")
    return [check_protocol(protocol) for protocol in wanted]


def check_bytes(number: Any, what: str, most: int, least: int = 0) -> int:
    """A whole number of bytes within bounds."""
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
        raise ValidationError(f"{what} must be a whole number of bytes from {least:,} to {most:,}, not {number!r}")
    return number


def check_seconds(seconds: Any, what: str) -> float:
    """A finite, non-negative number of seconds."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < 1e9:
        raise ValidationError(f"{what} must be a number of seconds from 0 up, not {seconds!r}")
    return float(seconds)


def check_port(port: Any) -> int:
    """A port, or 0 for a free one."""
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65_535:
        raise ValidationError(f"a port is a whole number from 0 (a free one) to 65,535, not {port!r}")
    return port


def check_timeout(timeout: float | None) -> float | None:
    """The same, or None for the verb's own default."""
    return None if timeout is None else check_seconds(timeout, "timeout")


def check_retries(retries: Any, backoff: Any) -> tuple[int, float] | tuple[()]:
    """How often to dial again, and the seconds before the first time; nothing where it is not to be."""
    if isinstance(retries, bool) or not isinstance(retries, int) or not 0 <= retries <= MAX_RETRIES:
        raise ValidationError(f"retries is a whole number from 0 to {MAX_RETRIES}, not {retries!r}")
    backoff = check_seconds(backoff, "backoff")
    return (retries, backoff) if retries else ()


def peer_argument(peer: Any, world: World) -> str:
    """The name, peer id or multiaddr that a peer argument stands for. ValidationError for a node of another lab."""
    if isinstance(peer, PeerInfo):
        return str(peer.peer_id)
    if isinstance(peer, Connection):
        return str(peer.peer)
    if isinstance(peer, str):
        return peer
    if type(peer).__module__.partition(".")[0] in LIBRARIES:
        return str(getattr(peer, "peer_id", peer))  # of a PeerInfo; an ID or a Multiaddr is its text
    home = getattr(peer, "world", None)
    if home is None:
        raise ValidationError(f"a peer is a Node, a node's name, a peer id or a multiaddr, not {peer!r}")
    if home is not bare(world):
        raise ValidationError(
            f"{peer} is a node of another lab; to reach it from here, dial one of its addresses "
            "(str), if both labs are real"
        )
    return str(peer.name)
