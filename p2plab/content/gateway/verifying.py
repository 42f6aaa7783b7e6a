"""A CAR that answers a request, verified while it comes: each block is the one that the walk needs next.

Rules (trustless-gateway, "CAR responses"; IPIP-412):
- What a CAR says of itself, its roots, is read and not believed: the request alone says which block comes first.
- With ``dups=y`` nothing is remembered but the walk, which is the links of the blocks on one path, and the section that
  is coming in. With ``dups=n`` a block that came before is taken from where the caller keeps it.
- A block that is not the next one, or not what its CID says, ends it. So does an answer that ends before the walk, or
  goes on after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from p2plab.content.car import MAX_HEADER, MAX_SECTION
from p2plab.content.gateway.walk import BlockWalk
from p2plab.content.links import inline
from p2plab.errors import ContentError, OverloadedError
from p2plab.identity import dag_cbor
from p2plab.identity.cid import Cid
from p2plab.identity.varint import decode_varint

__all__ = ["MAX_BLOCKS", "CarVerifier"]

MAX_BLOCKS: Final = 1_000_000  # of one answer
_VARINT: Final = 9  # bytes
_LONGEST: Final = 256  # bytes of a section that are looked at for its CID


def _nothing(cid: Cid) -> bytes | None:
    return None


class CarVerifier:
    """``feed`` it the bytes of an answer as they come, then call ``end``.

    ``root`` is the CID that the path ends at, once that is known to be reached: None until the walk is over.
    """

    def __init__(self, walk: BlockWalk, twice: bool = True, held: Callable[[Cid], bytes | None] = _nothing) -> None:
        self._walk = walk
        self._twice = twice
        self._held = held
        self._buffer = bytearray()
        self._at = 0  # bytes of the answer before the buffer
        self._has_header = False
        self._seen: set[bytes] = set()
        self._expected: Cid | None = None
        self.root: Cid | None = None
        self.blocks = 0
        self._advance(None)

    @property
    def expected(self) -> Cid | None:
        """The block that has to come next; None: the answer is complete."""
        return self._expected

    def feed(self, data: bytes) -> Iterator[tuple[Cid, bytes]]:
        """The blocks that are verified now, each as soon as it is.

        ContentError for bytes that are not what was asked for, with where they stand; ProtocolViolation for blocks that
        do not fit together; OverloadedError for more than ``MAX_BLOCKS``.
        """
        self._buffer += data
        while (section := self._section()) is not None:
            cid, block = self._verified(section)
            yield cid, block
            self._advance(block)

    def end(self) -> Cid:
        """The answer is over: the CID that the path ended at. ContentError where something is missing."""
        if self._expected is not None or self._buffer or not self._has_header:
            missing = "its header" if not self._has_header else f"the block {self._expected}"
            raise ContentError(f"the answer ends early, at byte {self._at + len(self._buffer)}: {missing} is missing")
        assert self.root is not None
        return self.root

    # -- the walk

    def _advance(self, block: bytes | None) -> None:
        """Go on to the next block that has to come in the answer."""
        answer: Any = block
        while True:
            try:
                cid = self._walk.send(answer).cid
            except StopIteration as end:
                self._expected, self.root = None, end.value
                return
            answer = inline(cid)
            if answer is None and not self._twice and cid.to_bytes() in self._seen:
                answer = self._held(cid)
                if answer is None:
                    raise ContentError(f"{cid} came before, and is not here any more")
            if answer is None:
                self._expected = cid
                return

    # -- bytes

    def _section(self) -> bytes | None:
        """The next section whose bytes are all here."""
        if not self._has_header:
            header = self._whole(MAX_HEADER, "its header")
            if header is None:
                return None
            self._check_header(header)
        section = self._whole(MAX_SECTION, "a section")
        while section == b"":
            section = self._whole(MAX_SECTION, "a section")  # padding, which some writers leave
        return section

    def _whole(self, most: int, what: str) -> bytes | None:
        try:
            length = decode_varint(bytes(self._buffer[:_VARINT]))
        except ValueError as error:
            raise self._wrong(f"the length of {what}: {error}") from error
        if length is None:
            return None
        size, begins = length
        if size > most:
            raise self._wrong(f"{what} of {size} bytes; at most {most} are read")
        if what == "a section" and size:
            self._check_name(bytes(self._buffer[begins : begins + min(size, _LONGEST)]))
        if len(self._buffer) < begins + size:
            return None
        data = bytes(self._buffer[begins : begins + size])
        del self._buffer[: begins + size]
        self._at += begins + size
        return data

    def _check_header(self, data: bytes) -> None:
        try:
            header = dag_cbor.decode(data)
        except ValueError as error:
            raise self._wrong(f"its header is no DAG-CBOR: {error}") from error
        if not isinstance(header, dict) or header.get("version") != 1:
            raise self._wrong("it is no CAR of version 1")
        self._has_header = True

    def _check_name(self, begun: bytes) -> None:
        """As soon as the CID of a section is there, it has to be the one that is needed."""
        if self._expected is None:
            raise self._wrong("more comes than was asked for")
        if not any(name[: len(begun)] == begun[: len(name)] for name in _names(self._expected)):
            raise self._wrong(f"another block than {self._expected}, which comes next")

    def _verified(self, section: bytes) -> tuple[Cid, bytes]:
        cid = self._expected
        assert cid is not None
        name = next((name for name in _names(cid) if section.startswith(name)), None)
        if name is None:
            raise self._wrong(f"another block than {cid}, which comes next")
        data = section[len(name) :]
        if not cid.verify(data):
            raise self._wrong(f"a block that is not {cid}: its hash is another")
        self.blocks += 1
        if self.blocks > MAX_BLOCKS:
            raise OverloadedError(f"an answer of over {MAX_BLOCKS} blocks")
        if not self._twice:
            self._seen.add(cid.to_bytes())
        return cid, data

    def _wrong(self, problem: str) -> ContentError:
        return ContentError(f"the answer is not what was asked for (byte {self._at}): {problem}")


def _names(cid: Cid) -> tuple[bytes, ...]:
    """How a block may be named: a dag-pb block of SHA-256 also by the other version of its CID."""
    name = cid.to_bytes()
    other = _other_version(cid)
    return (name,) if other is None else (name, other)


def _other_version(cid: Cid) -> bytes | None:
    if cid.version == 0:
        return b"\x01\x70" + cid.multihash
    if cid.codec == 0x70 and cid.hash == 0x12 and len(cid.digest) == 32:
        return cid.multihash
    return None
