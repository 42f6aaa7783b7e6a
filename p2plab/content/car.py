"""CAR files (ipld.io/specs/transport/car): blocks one after another behind a header that names roots.

Version 1 is a header and then sections, each a varint length, a CID and a block. Version 2 wraps that in a pragma, a
fixed header and perhaps an index. Reading is from anything with ``read(n)``, a section at a time; every block is
checked against its CID, and a file that ends early or is longer than it says is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from p2plab.errors import ContentError, ValidationError
from p2plab.identity import dag_cbor
from p2plab.identity.cid import Cid, read_cid
from p2plab.identity.varint import encode_varint

__all__ = ["MAX_SECTION", "ByteSource", "CarReader", "car_header", "car_section", "index_of"]

MAX_HEADER: Final = 32 << 20  # bytes; go-car's bound
MAX_SECTION: Final = 8 << 20  # bytes; go-car's bound
PRAGMA: Final = bytes.fromhex("0aa16776657273696f6e02")  # the header of a version that is not 1
_V2_HEADER: Final = 40
MULTIHASH_INDEX_SORTED: Final = 0x0401


class ByteSource(Protocol):
    """What a CAR is read from: a file, or anything alike."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Section:
    """One block of a file, and where its section begins (bytes from the beginning of the CARv1)."""

    cid: Cid
    data: bytes
    offset: int


class CarReader:
    """A CAR file of version 1 or 2. ``roots`` are known at once; iterating gives (CID, block), each checked.

    ``verify=False`` leaves the check out. ContentError says what is wrong with a file, and at which byte.
    """

    def __init__(self, source: ByteSource, verify: bool = True) -> None:
        self._source = source
        self._verify = verify
        self._at = 0
        self._left: int | None = None  # bytes of the CARv1 inside a version 2
        self.version = 1
        header = self._header()
        if header.get("version") == 2:
            self._open_v2()
            header = self._header()
        if header.get("version") != 1:
            raise self._wrong(f"its version is {header.get('version')!r}, and there are 1 and 2")
        roots = header.get("roots")
        if not isinstance(roots, list) or not all(isinstance(root, Cid) for root in roots):
            raise self._wrong("its header names no list of roots")
        self.roots: list[Cid] = roots

    def _header(self) -> dict[str, Any]:
        size = self._length("its header")
        if size is None or not 1 <= size <= MAX_HEADER:
            raise self._wrong("it has no header")
        try:
            header = dag_cbor.decode(self._exactly(size, "its header"))
        except ValueError as error:
            raise self._wrong(f"its header is no DAG-CBOR: {error}") from error
        if not isinstance(header, dict):
            raise self._wrong("its header is no map")
        return header

    def _open_v2(self) -> None:
        self.version = 2
        fixed = self._exactly(_V2_HEADER, "the header of its version 2")
        begins, size = int.from_bytes(fixed[16:24], "little"), int.from_bytes(fixed[24:32], "little")
        if begins < self._at:
            raise self._wrong(f"its data begins at byte {begins}, inside its header")
        while self._at < begins:
            self._exactly(min(begins - self._at, 1 << 16), "what stands before its data")
        self._left = size
        self._at = 0  # offsets are those of the CARv1

    def __iter__(self) -> Iterator[tuple[Cid, bytes]]:
        for section in self.sections():
            yield section.cid, section.data

    def sections(self) -> Iterator[Section]:
        """The blocks in the order of the file, with where each section begins."""
        while True:
            offset = self._at
            size = self._length("a section")
            if size is None:
                return
            if size == 0:
                continue  # padding, which some writers leave
            if size > MAX_SECTION:
                raise self._wrong(f"a section of {size} bytes at byte {offset}; at most {MAX_SECTION} are read")
            chunk = self._exactly(size, f"the section at byte {offset}")
            try:
                cid, begins = read_cid(chunk)
            except ValidationError as error:
                raise self._wrong(f"the section at byte {offset} begins with no CID: {error}") from error
            data = chunk[begins:]
            if self._verify and not cid.verify(data):
                raise self._wrong(f"the block at byte {offset} is not {cid}")
            yield Section(cid, data, offset)

    def _read(self, size: int) -> bytes:
        if self._left is not None:
            size = min(size, self._left)
        data = self._source.read(size) if size else b""
        self._at += len(data)
        if self._left is not None:
            self._left -= len(data)
        return data

    def _exactly(self, size: int, what: str) -> bytes:
        data = self._read(size)
        while len(data) < size:
            more = self._read(size - len(data))
            if not more:
                raise self._wrong(f"it ends in the middle of {what}, {size - len(data)} bytes early")
            data += more
        return data

    def _length(self, what: str) -> int | None:
        """A varint; None at the end of the file."""
        value = 0
        for index in range(9):
            byte = self._read(1)
            if not byte:
                if index or self._left:
                    raise self._wrong(f"it ends in the middle of the length of {what}")
                return None
            value |= (byte[0] & 0x7F) << 7 * index
            if byte[0] < 0x80:
                if index and not byte[0]:
                    raise self._wrong(f"the length of {what} is not in its shortest form")
                return value
        raise self._wrong(f"the length of {what} has over nine bytes")

    def _wrong(self, problem: str) -> ContentError:
        return ContentError(f"this is no CAR file, or a damaged one (byte {self._at}): {problem}")


def car_header(roots: Sequence[Cid]) -> bytes:
    """The beginning of a CARv1."""
    header = dag_cbor.encode({"version": 1, "roots": list(roots)})
    return encode_varint(len(header)) + header


def car_section(cid: Cid, data: bytes) -> bytes:
    """One block as it stands in a CARv1."""
    name = cid.to_bytes()
    return encode_varint(len(name) + len(data)) + name + data


def index_of(sections: Iterable[Section]) -> bytes:
    """The index of a version 2 (MultihashIndexSorted, 0x0401): by hash and width of digest, sorted, with offsets."""
    by_hash: dict[int, dict[int, list[tuple[bytes, int]]]] = {}
    for section in sections:
        widths = by_hash.setdefault(section.cid.hash, {})
        widths.setdefault(len(section.cid.digest) + 8, []).append((section.cid.digest, section.offset))
    out = [encode_varint(MULTIHASH_INDEX_SORTED), len(by_hash).to_bytes(4, "little")]
    for code in sorted(by_hash):
        out += [code.to_bytes(8, "little"), len(by_hash[code]).to_bytes(4, "little")]
        for width in sorted(by_hash[code]):
            entries = sorted(by_hash[code][width])
            out += [width.to_bytes(4, "little"), (len(entries) * width).to_bytes(8, "little")]
            out += [digest + offset.to_bytes(8, "little") for digest, offset in entries]
    return b"".join(out)
