"""A recording of what crosses connections, and its file: pcapng, for Wireshark and tshark."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, NamedTuple

from p2plab.constants import AGENT_VERSION
from p2plab.errors import ConfigurationError, ValidationError
from p2plab.errors.checked import path_of
from p2plab.events.files.whole_file import replacing
from p2plab.exports.packets import TcpConnection, place_of
from p2plab.exports.pcapng import interface, packet, secrets, section
from p2plab.stream.framing.frames import Way, Wire
from p2plab.stream.framing.yamux import parse_header
from p2plab.text import plural, shown

if TYPE_CHECKING:
    from p2plab.worlds import World

__all__ = ["MAX_BYTES", "MAX_FRAMES", "Capture"]

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_FRAMES: Final = 200_000
LARGEST_KEY_LOG: Final = 16 * 1024 * 1024  # bytes of a key log's end that go into a file


_captures: weakref.WeakSet[Capture] = weakref.WeakSet()  # of this process, whatever lab they are of


class _Record(NamedTuple):
    time: int
    wire: Wire
    way: Way
    offset: int
    data: bytes | None  # None: the connection ends here
    protocol: str


class Capture:
    """A bounded recording, which ``lab.capture`` begins and ``stop`` ends; also a context manager.

    Each frame becomes a packet between the two ends' real sockets, on an interface with the name of the node that sent
    it (or, of a peer that is not captured, of the node that got it). The newest ``max_frames`` and ``max_bytes`` are
    kept; ``dropped`` counts the frames that went. The file is written when it stops, whatever stopped it, and can be
    read by its owner alone; before that, it is an empty capture. ``p2plab.exports.DISSECTOR`` has Wireshark show what
    the frames are.
    """

    def __init__(
        self,
        world: World,
        path: str | os.PathLike[str],
        nodes: Iterable[str] | None = None,
        encrypted: bool = False,
        max_bytes: int = MAX_BYTES,
        max_frames: int = MAX_FRAMES,
    ) -> None:
        self.path = path_of(path, "the path of a capture").absolute()
        self._file: str = os.path.realpath(self.path)
        if any(one.running and one._file == self._file for one in _captures):
            raise ConfigurationError(
                f"a capture is being recorded to {self.path} already, and the later of the two would take the place of "
                "the other's packets; stop it first, or take another path"
            )
        self.nodes = None if nodes is None else frozenset(nodes)
        self.encrypted = encrypted
        self.max_bytes = _positive("max_bytes", max_bytes)
        self.max_frames = _positive("max_frames", max_frames)
        self.dropped = 0
        self.bytes = 0
        self.running: bool = True
        self._key_log = world.key_log
        self._time = world.wire_time
        self._told_once = world.backend == "mock"  # by the sender, whoever it is
        self._about = f"{world.backend} lab, seed {world.seed}"
        self._records: deque[_Record] = deque()
        self._lock = threading.Lock()  # frames come from the lab's thread, and stop from anybody's
        self._writing = threading.Lock()
        self._written = False
        untap = world.tap(self)
        try:
            self._write(())
        except BaseException:
            untap()
            raise
        self._untap = untap
        _captures.add(self)

    @property
    def frames(self) -> int:
        """How many it holds."""
        return len(self._records)

    # -- FrameSink

    def frame(self, wire: Wire, way: Way, offset: int, data: bytes, protocol: str) -> None:
        """Keep a frame, if it is one of those wanted."""
        if self._is_elsewhere(wire, way):
            return
        with self._lock:
            if self.running:
                self._records.append(_Record(self._time(), wire, way, offset, data, protocol))
                self.bytes += len(data)
                while self.bytes > self.max_bytes or len(self._records) > self.max_frames:
                    oldest = self._records.popleft()
                    self.bytes -= len(oldest.data or b"")
                    self.dropped += 1

    def closed(self, wire: Wire, way: Way, offset: int) -> None:
        """A direction of a connection has ended."""
        if not self._is_elsewhere(wire, way):
            with self._lock:
                if self.running and self._records:
                    self._records.append(_Record(self._time(), wire, way, offset, None, ""))

    def over(self) -> None:
        """The lab is closing."""
        self.stop()

    def _is_elsewhere(self, wire: Wire, way: Way) -> bool:
        """Whether this is not to be recorded here: no captured node's, or recorded already where it was sent."""
        peer = wire.peer.name
        if self.nodes is not None and wire.node not in self.nodes:
            return not (self._told_once and peer in self.nodes)
        return way == "received" and peer is not None and (self.nodes is None or peer in self.nodes)

    # -- the end

    def stop(self) -> Path:
        """End it and write the file, whose path is returned. Stopping again changes nothing, unless the file could not
        be written: then it is tried again. Raises ConfigurationError."""
        self._untap()
        with self._lock:
            self.running = False
        with self._writing:
            if not self._written:
                self._write(self._records)
                self._written = True
        return self.path

    def __enter__(self) -> Capture:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _write(self, records: Iterable[_Record]) -> None:
        """Put a whole file in the place of what is there."""
        try:
            with replacing(self.path, mode=0o600) as file:
                file.writelines(self._blocks(records))
        except OSError as error:
            raise ConfigurationError(f"a capture cannot be written to {self.path}: {error.strerror}") from error

    def _blocks(self, records: Iterable[_Record]) -> Iterator[bytes]:
        what = "packets as they crossed the network" if self.encrypted else "frames before encryption"
        lost = f"; {plural(self.dropped, 'older frame')} did not fit" if self.dropped else ""
        yield section(f"p2plab ({AGENT_VERSION})", f"{self._about}: {what}, in TCP headers made for them{lost}")
        if self.encrypted and self._key_log is not None and self._key_log.exists():
            yield secrets(self._key_log.read_bytes()[-LARGEST_KEY_LOG:])
        interfaces: dict[str, int] = {}
        connections: dict[int, TcpConnection] = {}
        for record in records:
            wire = record.wire
            number = interfaces.get(wire.node)
            if number is None:
                number = interfaces[wire.node] = len(interfaces)
                yield interface(wire.node, f"node {wire.node} of a {self._about}")
            connection = connections.get(wire.connection)
            if connection is None:
                ends = (wire.local, wire.remote) if wire.outbound else (wire.remote, wire.local)
                # Without ports, as in memory, each connection still is a stream of its own.
                places = (place_of(end, 2 * wire.connection + side & 0xFFFF) for side, end in enumerate(ends))
                connection = connections[wire.connection] = TcpConnection(*places)
            inbound = record.way == "received"
            by_dialler = wire.outbound != inbound
            if record.data is None:
                packets, comment = connection.close(by_dialler, record.offset), ""
            else:
                packets = connection.send(by_dialler, record.offset, record.data)
                comment = self._comment(record, record.data)
            for data in packets:
                yield packet(number, record.time, data, inbound, comment)

    def _comment(self, record: _Record, data: bytes) -> str:
        wire = record.wire
        peer = wire.peer.name or (wire.peer.short if wire.peer else "a stranger")
        way = f"{wire.node} → {peer}" if record.way == "sent" else f"{peer} → {wire.node}"
        header = None if self.encrypted else parse_header(data)
        parts = [way, f"connection {wire.connection}", str(header) if header else plural(len(data), "byte")]
        return ", ".join([*parts, *([shown(record.protocol)] if record.protocol else [])])

    def __repr__(self) -> str:
        state = "running" if self.running else "stopped"
        held = f"{plural(self.frames, 'frame')}, {plural(self.bytes, 'byte')}"
        return f"<Capture {self.path}, {state}: {held}, {self.dropped} dropped>"


def _positive(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValidationError(f"{name} is how much a capture keeps at most, a whole number from 1 up, not {value!r}")
    return value
