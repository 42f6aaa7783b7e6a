"""A second implementation of wired labs, which follows ``p2plab/network/MODEL.md`` and knows nothing of p2plab's code:
what is written there has to be enough to take the same decisions. It has no scores, validators or faults, and makes
every heartbeat.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import deque
from collections.abc import Callable, MutableSequence, Sequence
from typing import Any

FRAME, TIMER, TASK, HEARTBEAT = range(4)
SECOND, NS, TICK = 10_000, 10**9, 100_000  # ticks; nanoseconds
CONTROL, MESSAGES = 256, 16  # weights of pubsub's two streams


class Stream:
    """MODEL.md, "Random numbers"."""

    def __init__(self, seed: int, purpose: str) -> None:
        self.key = hashlib.sha256(f"p2plab/{seed}/{purpose}".encode()).digest()[:16]
        self.count = 0
        self.bytes: list[int] = []

    def digest(self) -> bytes:
        self.count += 1
        return hashlib.blake2b(self.key + (self.count - 1).to_bytes(8, "little")).digest()

    def block(self) -> int:
        return int.from_bytes(self.digest(), "little")

    def byte(self) -> int:
        if not self.bytes:
            self.bytes = list(self.digest())
        return self.bytes.pop(0)

    def mix(self, some: MutableSequence[Any], steps: int) -> None:
        if steps <= 0:
            return
        block, product = self.block(), 1
        for i in range(steps):
            left = len(some) - i
            product *= left
            if product > 2**448:
                block, product = self.block(), left
            block, digit = divmod(block, left)
            some[i], some[i + digit] = some[i + digit], some[i]

    def shuffled(self, some: Sequence[Any]) -> list[Any]:
        mixed = list(some)
        self.mix(mixed, len(mixed) - 1)
        return mixed

    def pick(self, some: list[Any], count: int) -> list[Any]:
        if count >= len(some):
            return self.shuffled(some)
        if count <= 0:
            return []
        mixed = list(some)
        self.mix(mixed, count)
        return mixed[:count]


class Model:
    """MODEL.md, "Order". ``deliveries`` are (tick, node, from whom, author, number of the author's message)."""

    def __init__(
        self, seed: int, params: Any, latency: int, jitter: int = 0, transport: str = "ideal", rate: int = 0
    ) -> None:
        self.seed, self.params, self.transport = seed, params, transport
        self.latency, self.rate = latency, rate
        self.table = [max((2 * i + 1 - 256) * jitter // 256, -latency) for i in range(256)] if jitter else []
        self.now = self.number = 0
        self.queue: list[tuple[int, int, int, Callable[[], None]]] = []
        self.nodes: list[Any] = []
        self.deliveries: list[tuple[int, int, int, int, int]] = []
        self.duplicates: list[tuple[int, int, int, int, int]] = []
        self.streams: dict[tuple[int, int], Stream] = {}
        self.up: dict[int, Line] = {}
        self.down: dict[int, Line] = {}

    def at(self, tick: int, call: Callable[[], None], kind: int = FRAME) -> None:
        self.number += 1
        heapq.heappush(self.queue, (tick, kind, self.number, call))

    def beat(self, tick: int, node: int, call: Callable[[], None]) -> None:
        heapq.heappush(self.queue, (tick, HEARTBEAT, node, call))

    def run(self, ticks: int) -> None:
        end = self.now + ticks
        while self.queue and self.queue[0][0] <= end:
            self.now, _, _, call = heapq.heappop(self.queue)
            call()
        self.now = end

    def jitter(self, source: int, target: int) -> int:
        if not self.table:
            return 0
        stream = self.streams.get((source, target))
        if stream is None:
            stream = self.streams[source, target] = Stream(self.seed, f"link.jitter/{source}/{target}")
        return self.table[stream.byte()]

    def line(self, lines: dict[int, Line], node: int, fair: bool) -> Line | None:
        if not self.rate:
            return None
        if node not in lines:
            lines[node] = Line(self, fair)
        return lines[node]


# -- frames (MODEL.md, "Frames")


class Frame:
    def __init__(self, size: int, arrived: Callable[[Any], None], rpc: Any) -> None:
        self.size = self.left = size
        self.arrived = arrived
        self.rpc = rpc


class Piece:
    def __init__(self, frame: Frame, size: int, stream: int, passed: Callable[[Piece, int], None]) -> None:
        self.frame, self.size, self.stream, self.passed = frame, size, stream, passed
        frame.left -= size
        self.is_last, self.is_void = not frame.left, False


class Line:
    """A node's access line in one direction: the sender's is fair, the receiver's first come, first served."""

    def __init__(self, model: Model, fair: bool) -> None:
        self.model, self.fair = model, fair
        self.waiting: list[tuple[int, int, int, Piece]] = []
        self.finish: dict[Any, int] = {}
        self.virtual = self.count = self.free_at = 0
        self.looks = False

    def put(self, piece: Piece, flow: Any) -> None:
        start = max(self.virtual, self.finish.get(flow, 0)) if self.fair else 0
        weight = piece.stream
        self.finish[flow] = start + max(piece.size, 1) * 2**20 // weight
        heapq.heappush(self.waiting, (start, -weight if self.fair else 0, self.count, piece))
        self.count += 1
        if not self.looks:
            self.serve()

    def serve(self) -> None:
        self.looks = True
        now = self.model.now * TICK
        self.free_at = max(self.free_at, now)
        while self.waiting and self.free_at < now + TICK:
            self.virtual, _, _, piece = heapq.heappop(self.waiting)
            if not self.waiting:
                self.virtual = 0
                self.finish.clear()
            headers = piece.size * 31 // 1249 if self.model.transport == "quic" else 0
            self.free_at += (piece.size + headers) * NS // self.model.rate
            piece.passed(piece, -(-self.free_at // TICK))
        self.looks = bool(self.waiting)
        if self.looks:
            self.model.at(self.free_at // TICK, self.serve)


class Window:
    def __init__(self, transport: str) -> None:
        self.tcp = transport == "tcp"
        self.size, self.most = (14_600, 4 << 20) if self.tcp else (40_960, 12_800_000)
        self.first = self.size
        self.under_way, self.used = 0, -1
        self.acks: deque[tuple[int, int]] = deque()

    def room(self, now: int, round_trip: int) -> int:
        while self.acks and self.acks[0][0] <= now:
            tick, size = self.acks.popleft()
            while self.acks and self.acks[0][0] == tick:
                size += self.acks.popleft()[1]
            if 2 * self.under_way > self.size:
                self.size = min(self.most, self.size + size)
            self.under_way -= size
        if self.tcp and not self.under_way and 0 <= self.used < now - max(2000, 2 * round_trip):
            self.size = min(self.size, self.first)
        return self.size - self.under_way


class Direction:
    """One direction of a connection."""

    def __init__(self, model: Model, source: int, target: int) -> None:
        self.model, self.source, self.target = model, source, target
        self.last: dict[int, int] = {}
        self.waiting: dict[int, deque[Frame]] = {}
        self.on_line: dict[int, Piece] = {}
        self.window = None if model.transport == "ideal" else Window(model.transport)
        self.wake = False

    def send(self, size: int, stream: int, arrived: Callable[[Any], None], rpc: Any) -> None:
        model = self.model
        if self.window is None and not model.rate:
            arrival = model.now + model.latency + model.jitter(self.source, self.target)
            model.at(self.in_order(0, arrival), lambda: arrived(rpc))
            return
        self.waiting.setdefault(stream, deque()).append(Frame(size, arrived, rpc))
        self.pump()

    def in_order(self, stream: int, arrival: int) -> int:
        flow = stream if self.model.transport == "quic" else 0
        self.last[flow] = max(self.last.get(flow, 0), arrival)
        return self.last[flow]

    def pump(self) -> None:
        model, window = self.model, self.window
        line = model.line(model.up, self.source, fair=True)
        while True:
            free = [stream for stream in self.waiting if stream not in self.on_line]
            if not free:
                return
            stream = max(free)  # one stream of each weight
            frame = self.waiting[stream][0]
            size = frame.left if line is None else min(frame.left, 5_840)
            if window is not None:
                room = window.room(model.now, 2 * model.latency)
                if room < min(size, 1_460):
                    self.wait()
                    return
                size = min(size, room)
                window.under_way += size
                window.used = model.now
            piece = Piece(frame, size, stream, self.left)
            frames = self.waiting.pop(stream)
            if piece.is_last:
                frames.popleft()
            if frames:
                self.waiting[stream] = frames
            if line is None:
                self.travel(piece, model.now)
            else:
                self.on_line[stream] = piece
                line.put(piece, (self, stream))

    def wait(self) -> None:
        assert self.window is not None
        if self.window.acks and not self.wake:
            self.wake = True
            self.model.at(max(self.window.acks[0][0], self.model.now), self.woken)

    def woken(self) -> None:
        self.wake = False
        self.pump()

    def left(self, piece: Piece, tick: int) -> None:
        del self.on_line[piece.stream]
        if not piece.is_void:
            self.travel(piece, tick)
        self.pump()

    def travel(self, piece: Piece, tick: int) -> None:
        model = self.model
        arrival = max(tick + model.latency + model.jitter(self.source, self.target), model.now)
        model.at(self.in_order(piece.stream, arrival), lambda: self.reach(piece))

    def reach(self, piece: Piece) -> None:
        line = self.model.line(self.model.down, self.target, fair=False)
        if line is None:
            self.arrive(piece)
        else:
            piece.passed = lambda piece, tick: self.model.at(max(tick, self.model.now), lambda: self.arrive(piece))
            line.put(piece, None)

    def arrive(self, piece: Piece) -> None:
        window = self.window
        if window is not None:
            tick = self.model.now + self.model.latency
            window.acks.append((max(tick, window.acks[-1][0]) if window.acks else tick, piece.size))
            if self.waiting:
                self.wait()
        if piece.is_last:
            piece.frame.arrived(piece.frame.rpc)

    def take_back(self, size_of: Callable[[Any], tuple[Any, int]]) -> None:
        """Messages that have not begun to leave are taken out of what waits; ``size_of`` gives what is left."""
        piece = self.on_line.get(MESSAGES)
        if piece is not None and piece.size + piece.frame.left == piece.frame.size:
            frame, before = piece.frame, piece.size
            frame.rpc, size = size_of(frame.rpc)
            if size != frame.size:
                piece.is_void = not size
                piece.size = min(before, size)
                frame.size, frame.left = size, max(0, size - piece.size)
                piece.is_last = not frame.left
                if self.window is not None:
                    self.window.under_way += piece.size - before
                    self.window.used = self.model.now
        kept: deque[Frame] = deque()
        for frame in self.waiting.get(MESSAGES, ()):
            if frame.left == frame.size and frame.size:
                frame.rpc, frame.size = size_of(frame.rpc)
                frame.left = frame.size
                if not frame.size:
                    continue
            if frame.left:  # of one whose first piece was emptied nothing is left
                kept.append(frame)
        if kept:
            self.waiting[MESSAGES] = kept
        else:
            self.waiting.pop(MESSAGES, None)
            self.pump()
