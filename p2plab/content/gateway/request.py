"""A trustless gateway's side of HTTP: what a request asks, and the heads of the answers.

Only answers that a client can verify are given: a block as it is, or a CAR. Without I/O; the server is elsewhere.
Source: ipfs/specs, http-gateways/trustless-gateway (requests in section 2, responses in 3), IPIP-402 (parts of a DAG),
IPIP-412 (order and duplicates of blocks).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, quote, unquote, urlsplit

from p2plab.errors import LabError
from p2plab.identity.cid import Cid, as_cid

__all__ = ["Asked", "GatewayRefusal", "Ipns", "car_type", "head_of", "ipns_head", "request_of"]

RAW: Final = "application/vnd.ipld.raw"
CAR: Final = "application/vnd.ipld.car"
IPNS: Final = "application/vnd.ipfs.ipns-record"
MAX_TARGET: Final = 4096  # characters
MAX_NAMES: Final = 256  # of a path
SCOPES: Final = ("block", "entity", "all")
FOREVER: Final = "public, max-age=29030400, immutable"  # what a CID names never changes

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks: what ``cid`` and the names behind it lead to, as a block (``raw``) or as a CAR.

    ``scope`` is how much of it a CAR holds: ``block`` it alone, ``entity`` a whole file or a directory's own blocks,
    ``all`` everything below. ``span``: of a file in scope ``entity``, from which byte to which, both included; negative
    from the end, None to the end. ``duplicates``: whether a block is sent each time that it occurs. ``etag`` names the
    answer for caches; ``filename`` is what a browser is to call it.
    """

    cid: Cid
    path: str
    raw: bool
    scope: str = "all"
    span: tuple[int, int | None] | None = None
    duplicates: bool = False
    local: bool = False
    etag: str = ""
    unchanged: bool = False
    filename: str = ""

    @property
    def text(self) -> str:
        """``/ipfs/CID/path``."""
        return f"/ipfs/{self.cid}" + (f"/{self.path}" if self.path else "")


@dataclass(frozen=True, slots=True)
class Ipns:
    """A request for the record of an IPNS name, as it was signed."""

    name: str
    filename: str = ""


@dataclass(frozen=True, slots=True)
class GatewayRefusal:
    """A request that is not answered, with the status and a sentence."""

    status: int
    text: str


def request_of(method: str, target: str, headers: Headers) -> Asked | Ipns | GatewayRefusal:
    """What a request asks, or why it is not answered.

    >>> request_of("GET", "/ipfs/bafkqaaa?format=raw", [])
    Asked(cid=Cid('bafkqaaa'), path='', raw=True, ...)
    """
    if method not in ("GET", "HEAD"):
        return GatewayRefusal(405, "a gateway answers GET and HEAD")
    if len(target) > MAX_TARGET:
        return GatewayRefusal(414, f"the target has {len(target)} characters, over the limit of {MAX_TARGET}")
    split = urlsplit(target)
    names = [unquote(name) for name in split.path.split("/") if name]
    if len(names) < 2 or names[0] not in ("ipfs", "ipns"):
        return GatewayRefusal(404, "there are /ipfs/{cid} and /ipns/{name}")
    if len(names) > MAX_NAMES or any(name in (".", "..") or "/" in name or "\0" in name for name in names):
        return GatewayRefusal(400, "a path is names, at most 256 of them, and none of them is . or ..")
    query = {name: values[-1] for name, values in parse_qs(split.query, keep_blank_values=True).items()}
    asked = {name.casefold(): value for name, value in headers}
    if names[0] == "ipns":
        return _record(names[1:], query, asked)
    try:
        cid = as_cid(names[1])
    except LabError as error:
        return GatewayRefusal(400, str(error))
    return _with(cid, "/".join(names[2:]), query, asked)


def _record(names: list[str], query: dict[str, str], headers: dict[str, str]) -> Ipns | GatewayRefusal:
    named = query.get("format")
    wanted = named == "ipns-record" if named is not None else IPNS in headers.get("accept", "").casefold()
    if len(names) != 1 or not wanted:
        return GatewayRefusal(
            406, f"of /ipns/{{name}} there is its signed record alone: ask for {IPNS}, without a path"
        )
    return Ipns(names[0], _filename(query))


def _filename(query: dict[str, str]) -> str:
    """What the answer is to be called; nothing of a path, and no signs that end a header."""
    name = query.get("filename", "")[:255]
    return "".join(sign for sign in name if sign.isprintable() and sign not in '/\\"')


def _with(cid: Cid, path: str, query: dict[str, str], headers: dict[str, str]) -> Asked | GatewayRefusal:
    wanted, parameters = _format(query.get("format"), headers.get("accept", ""))
    if not wanted:
        return GatewayRefusal(
            406, f"only what can be verified is given: ask for {RAW} or {CAR}, by Accept or ?format=raw|car"
        )
    version = query.get("car-version", parameters.get("version", "1"))
    order = query.get("car-order", parameters.get("order", "dfs"))
    twice = query.get("car-dups", parameters.get("dups", "n"))
    scope = query.get("dag-scope", "all")
    if version != "1" or order not in ("dfs", "unk") or twice not in ("y", "n"):
        return GatewayRefusal(406, "a CAR is of version 1, in the order dfs, with dups y or n")
    if scope not in SCOPES:
        return GatewayRefusal(400, f"dag-scope is block, entity or all, not {scope[:40]!r}")
    span = None
    if "entity-bytes" in query:
        try:
            span = _span(query["entity-bytes"])
        except ValueError:
            given = query["entity-bytes"][:40]
            return GatewayRefusal(400, f"entity-bytes is from:to, such as 0:1023 or -1024:*, not {given!r}")
        scope = "entity"
    raw = wanted == RAW
    etag = f'"{cid}.raw"' if raw and not path else _weak(cid, path, raw, scope, span, twice)
    known = [one.strip().removeprefix("W/") for one in headers.get("if-none-match", "").split(",")]
    local = "only-if-cached" in headers.get("cache-control", "")
    same = etag.removeprefix("W/") in known or "*" in known
    return Asked(cid, path, raw, scope, span, twice == "y", local, etag, same, _filename(query))


def _format(named: str | None, accept: str) -> tuple[str, dict[str, str]]:
    """The type that is wanted, with its parameters; empty where it is neither of the two. ``format`` goes before."""
    kinds: dict[str, dict[str, str]] = {}
    for one in accept.split(","):
        kind, *rest = (part.strip() for part in one.split(";"))
        kinds[kind.casefold()] = dict(part.split("=", 1) for part in rest if "=" in part)
    if named is not None:
        kind = {"raw": RAW, "car": CAR}.get(named, "")
        return kind, kinds.get(kind, {})
    found = [kind for kind in kinds if kind in (RAW, CAR)]
    return (found[0], kinds[found[0]]) if found else ("", {})


def _span(text: str) -> tuple[int, int | None]:
    begins, _, ends = text.partition(":")
    first, last = int(begins), None if ends == "*" else int(ends)
    if last is not None and (first < 0) == (last < 0) and last < first:
        raise ValueError(text)
    return first, last


def _weak(cid: Cid, path: str, raw: bool, scope: str, span: tuple[int, int | None] | None, twice: str) -> str:
    """Two answers under it hold the same blocks, and need not be the same bytes."""
    told = hashlib.sha256(repr((path, raw, scope, span, twice)).encode()).hexdigest()[:16]
    return f'W/"{cid}.{"raw" if raw else "car"}.{told}"'


def car_type(asked: Asked) -> str:
    """The Content-Type of a CAR, which says what was settled."""
    return f"{CAR}; version=1; order=dfs; dups={'y' if asked.duplicates else 'n'}"


def head_of(asked: Asked, path: Sequence[Cid]) -> list[tuple[str, str]]:
    """The headers of an answer; ``path`` are the CIDs that the names of its path lead to, the last one its root."""
    end = "bin" if asked.raw else "car"
    return [
        ("Content-Type", RAW if asked.raw else car_type(asked)),
        ("Content-Disposition", _attachment(asked.filename or f"{path[-1]}.{end}")),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Ipfs-Path", quote(asked.text)),
        ("X-Ipfs-Roots", ",".join(map(str, path))),
        ("Cache-Control", FOREVER),
        ("Etag", asked.etag),
        ("Vary", "Accept"),
        ("Access-Control-Allow-Origin", "*"),
        *(() if asked.raw else (("Accept-Ranges", "none"),)),
    ]


def ipns_head(asked: Ipns, record: bytes, seconds: float) -> list[tuple[str, str]]:
    """The headers of a record, which may be cached for so long."""
    return [
        ("Content-Type", IPNS),
        ("Content-Disposition", _attachment(asked.filename or f"{asked.name}.ipns-record")),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Ipfs-Path", quote(f"/ipns/{asked.name}")),
        ("Cache-Control", f"public, max-age={max(0, int(seconds))}"),
        ("Etag", f'"{hashlib.sha256(record).hexdigest()[:16]}.ipns-record"'),
        ("Vary", "Accept"),
        ("Access-Control-Allow-Origin", "*"),
    ]


def _attachment(filename: str) -> str:
    """RFC 6266: for old clients in ASCII, for others as it is."""
    plain = "".join(sign if sign.isascii() else "_" for sign in filename)
    named = "" if plain == filename else f"; filename*=UTF-8''{quote(filename)}"
    return f'attachment; filename="{plain}"{named}'
