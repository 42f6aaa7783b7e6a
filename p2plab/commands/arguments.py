"""The kinds of argument that commands take: what pydantic checks of each, and what it is in words.

``About`` says what an argument is and how a face may complete it: ``node``, ``peer``, ``topic``, ``key``, ``cid`` or
``protocol`` from what the lab knows, ``command`` from the table, and nothing for ``text`` and ``number``. Text as it
comes from a shell or a form is understood everywhere: ``5s`` is five seconds, ``a,b`` a list.

An argument of a verb has the kind of its name (``KINDS``), because a name means the same in every verb, or else that of
its plain annotation (``PLAIN``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, ValidationInfo

from p2plab.commands.plain import bytes_of
from p2plab.constants import LARGEST_MESSAGE_SIZE, MAX_TRANSFER
from p2plab.typing import Connection, PeerInfo

MOST_NODES: Final = 10_000
MOST_SECONDS: Final = 86_400.0
MAX_PAYLOAD: Final = LARGEST_MESSAGE_SIZE
_DURATION: Final = re.compile(r"([0-9.eE+-]+)\s*(ms|s|m|h)")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class About:
    """What an argument is, in words, and the kind of thing by which faces complete it."""

    text: str
    kind: str = "text"


def named(value: Any, info: ValidationInfo) -> Any:
    """The name or id of a node or peer given as an object. ValueError for a node of another lab."""
    if isinstance(value, PeerInfo):
        return str(value.peer_id)
    if isinstance(value, Connection):
        return str(value.peer)
    world = getattr(value, "world", None)
    if world is None:
        return value
    if world is not (info.context or {}).get("world"):
        raise ValueError("it is a node of another lab")
    return str(value.name)


def listed(value: Any) -> Any:
    """Text with commas as the list it stands for."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _names(value: Any, info: ValidationInfo) -> Any:
    value = listed(value)
    return [named(item, info) for item in value] if isinstance(value, (list, tuple)) else value


def _groups(value: Any, info: ValidationInfo) -> Any:
    """``a,b | c,d`` is two groups of two."""
    if isinstance(value, str):
        value = value.split("|")
    return [_names(group, info) for group in value] if isinstance(value, (list, tuple)) else value


def number(value: Any) -> Any:
    """A number, but not True or False, which Python takes for 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("it is true or false, and a number is wanted")
    return value


def duration(value: Any) -> Any:
    """Seconds, also as text such as ``200ms``, ``5s`` and ``2m``."""
    if isinstance(value, str):
        found = _DURATION.fullmatch(value.strip())
        if found:
            return float(found[1]) * _UNITS[found[2]]
    return number(value)


def _payload(value: Any) -> Any:
    value = bytes_of(value)
    if isinstance(value, (bytearray, memoryview)):
        value = bytes(value)
    if not isinstance(value, (str, bytes)):
        raise ValueError('it must be text, bytes, or {"base64": "..."}')
    size = len(value) if isinstance(value, bytes) else len(value.encode())
    if size > MAX_PAYLOAD:
        raise ValueError(f"it has {size} bytes, over the limit of {MAX_PAYLOAD}")
    return value


NodeName = Annotated[
    str, BeforeValidator(named), Field(min_length=1, max_length=64), About("a node's name, or the Node", "node")
]
NodeNames = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=64)]],
    BeforeValidator(_names),
    Field(min_length=1, max_length=MOST_NODES),
    About("names of nodes: a list, or text with commas", "nodes"),
]
Groups = Annotated[
    list[Annotated[list[str], Field(min_length=1)]],
    BeforeValidator(_groups),
    Field(min_length=2, max_length=100),
    About("two or more groups of nodes: lists of names, or text such as a,b|c,d", "groups"),
]
PeerName = Annotated[
    str,
    BeforeValidator(named),
    Field(min_length=1, max_length=2000),
    About("a node's name, a peer id or a multiaddr", "peer"),
]
GatewayName = Annotated[
    str,
    BeforeValidator(named),
    Field(min_length=1, max_length=1000),
    About("a node that serves its content, or the address of a server: http://127.0.0.1:8080", "node"),
]
PeerIdText = Annotated[str, BeforeValidator(named), Field(min_length=1, max_length=200), About("a peer id", "peer id")]
Addresses = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=2000)]],
    BeforeValidator(listed),
    Field(min_length=1, max_length=100),
    About("multiaddrs: a list, or text with commas", "address"),
]
DomainName = Annotated[str, Field(min_length=1, max_length=253), About("a name such as bootstrap.example", "text")]
Records = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=1024)]] | None,
    BeforeValidator(listed),
    Field(max_length=100),
    About("records: a list, or text with commas; left out: those of this kind stay", "text"),
]
TopicName = Annotated[str, Field(min_length=1, max_length=1024), About("a topic, 1 to 1,024 bytes", "topic")]
Namespace = Annotated[
    str, Field(min_length=1, max_length=255), About("a namespace of discovery, 1 to 255 bytes", "text")
]
Payload = Annotated[
    Any,
    BeforeValidator(_payload),
    About('text (as UTF-8), bytes, or {"base64": "..."}; a message is at most 1 MiB, or max_message_size', "text"),
]
Key = Annotated[
    str, Field(min_length=1, max_length=1024), About("a path such as /lab/greeting, a peer id, or a node's name", "key")
]
Path = Annotated[str, Field(min_length=1, max_length=1024), About("a path such as /lab/greeting", "key")]
Cid = Annotated[str, Field(min_length=1, max_length=256), About("a CID, such as bafkrei… or Qm…", "cid")]
ProtocolId = Annotated[str, Field(min_length=1, max_length=1024), About("a protocol id: /echo/1.0.0", "protocol")]
Seconds = Annotated[
    float,
    BeforeValidator(duration),
    Field(ge=0, le=MOST_SECONDS, allow_inf_nan=False),
    About("seconds of lab time, 0 to 86,400, or text such as 200ms, 5s, 2m", "number"),
]
Timeout = Annotated[
    Seconds | None, About("seconds after which it is given up; left out: the verb's own limit", "number")
]
Rate = Annotated[
    float,
    BeforeValidator(number),
    Field(gt=0, le=1e15, allow_inf_nan=False),
    About("bytes a second, above 0; left out: no limit", "number"),
]
Probability = Annotated[
    float, BeforeValidator(number), Field(ge=0, lt=1, allow_inf_nan=False), About("a probability, 0 to 1", "number")
]
Count = Annotated[
    int, BeforeValidator(number), Field(ge=1, le=1_000_000), About("a whole number, 1 to 1,000,000", "number")
]
Bytes = Annotated[
    int, BeforeValidator(number), Field(ge=1, le=1 << 24), About("a number of bytes, 1 to 16,777,216", "number")
]
Amount = Annotated[
    int, BeforeValidator(number), Field(ge=0, le=1_000_000), About("a whole number, 0 to 1,000,000", "number")
]
HowMany = Annotated[
    int, BeforeValidator(number), Field(ge=0, le=MOST_NODES), About(f"a whole number, 0 to {MOST_NODES:,}", "number")
]
Transfer = Annotated[
    int, BeforeValidator(number), Field(ge=0, le=MAX_TRANSFER), About(f"bytes, 0 to {MAX_TRANSFER:,}", "number")
]
Name = Annotated[str, Field(min_length=1, max_length=64), About("1 to 64 printable characters, without a slash")]
FileName = Annotated[str, Field(min_length=1, max_length=1024), About("the path of a file, which is written anew")]
OldFile = Annotated[str, Field(min_length=1, max_length=1024), About("the path of a file", "file")]
Folder = Annotated[str, Field(min_length=1, max_length=1024), About("the path of a folder, which is made if need be")]
Offset = Annotated[int, BeforeValidator(number), Field(ge=0, lt=1 << 62), About("bytes, from 0 up", "number")]
Pair = Annotated[NodeNames | None, About("a,b: only the link between these two; left out: every link", "nodes")]
OneWay = Annotated[bool, About("true: only from the first to the others", "flag")]
RoleName = Annotated[
    Annotated[str, Field(min_length=1, max_length=32)] | None, About("a role out of the lab's table; left out: none")
]
State = Annotated[Literal["kept", "lost"], About("what became of all it knew")]
NetworkKind = Annotated[Literal["lan", "wan", "regions"], About("the kind of network")]
Words = Annotated[str, Field(max_length=4096)]
Whole = Annotated[int, BeforeValidator(number)]
Number = Annotated[float, BeforeValidator(number), Field(allow_inf_nan=False)]

KINDS: Final[dict[str, Any]] = {
    "a": NodeName,
    "address": Addresses,
    "b": NodeName,
    "backoff": Seconds,
    "between": Pair,
    "cid": Cid,
    "count": Count,
    "data": Payload,
    "down": Rate,
    "download": Transfer,
    "gateway": GatewayName,
    "groups": Groups,
    "key": Key,
    "length": Offset,
    "limit": Offset,
    "node": NodeName,
    "nodes": NodeNames,
    "offset": Offset,
    "one_way": OneWay,
    "path": FileName,
    "peer": PeerName,
    "protocol": ProtocolId,
    "quorum": Amount,
    "seconds": Seconds,
    "start": NodeName,
    "timeout": Timeout,
    "to": Folder,
    "topic": TopicName,
    "up": Rate,
    "upload": Transfer,
    "value": Payload,
    "which": Count,
}
PLAIN: Final[dict[str, Any]] = {"bool": bool, "float": Number, "int": Whole, "str": Words}
