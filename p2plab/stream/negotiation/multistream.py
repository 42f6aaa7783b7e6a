"""multistream-select 1.0 as state machines: bytes in, bytes and an outcome out.

Follows libp2p/specs connections/README.md ("multistream-select"), multiformats/multistream-select, and for simultaneous
open libp2p/specs connections/simopen.md (which has since left that repository).

Rules they live by:
- A message is an unsigned varint, that many bytes of UTF-8, the last of them a newline. Both ends send
  ``/multistream/1.0.0`` first, without waiting for the other; anything else as the first message ends the negotiation.
- The dialler proposes, the listener echoes the proposal or says ``na``. The dialler sends its first proposal together
  with the header, which saves a round trip and which every implementation takes.
- A machine does no I/O: ``start()`` gives the bytes to begin with, ``receive(data)`` those to answer with. Once
  ``protocol`` is set, it is done, and ``leftover`` holds what came after the negotiation's last byte.
- Nothing a peer sends grows without a bound: a line is refused when its length is announced, and proposals are counted.
  ProtocolViolation says what was wrong; the stream is to be reset then, and the connection lives on.
- ``steps`` lists every message, in order, as ("sent" | "received", text); ``on_step`` is called for each as it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal

from p2plab.constants import MULTISTREAM_ID
from p2plab.errors import ProtocolViolation, ValidationError
from p2plab.identity.varint import decode_varint, encode_varint

__all__ = ["MAX_LINE", "MAX_LISTING", "MAX_PROPOSALS", "SIMULTANEOUS_ID", "ListRequest", "Listener", "Proposer"]

MAX_LINE: Final = 1024  # bytes of a message with its newline; js-libp2p's and go-multistream's bound
MAX_LISTING: Final = 16384  # bytes of an answer to ls; rust-libp2p's bound on a message
MAX_PROPOSALS: Final = 128  # that a listener answers with na before it gives up
SIMULTANEOUS_ID: Final = "/libp2p/simultaneous-connect"
_NOT_AVAILABLE: Final = "na"
_LIST: Final = "ls"
_WORDS: Final = (_NOT_AVAILABLE, _LIST, MULTISTREAM_ID, SIMULTANEOUS_ID)

Step = tuple[Literal["sent", "received"], str]


def frame(line: str) -> bytes:
    """A message as it goes over the wire."""
    data = line.encode() + b"\n"
    return encode_varint(len(data)) + data


def check_protocol_id(protocol: str) -> str:
    """The id itself, when it can be proposed. Raises ValidationError."""
    if not isinstance(protocol, str):
        raise ValidationError(f"a protocol id is text such as /echo/1.0.0, not {protocol!r}")
    if not protocol or "\n" in protocol or protocol in _WORDS or len(protocol.encode()) >= MAX_LINE:
        raise ValidationError(
            f"{protocol[:80]!r} cannot be a protocol id: it is empty, has a line break, is longer than {MAX_LINE - 1} "
            "bytes, or is a word of the negotiation itself"
        )
    return protocol


class _Machine:
    """What the machines share: cutting bytes into messages and keeping the minutes."""

    def __init__(self) -> None:
        self.protocol: str | None = None
        self.steps: list[Step] = []
        self.on_step: Callable[[Literal["sent", "received"], str], None] | None = None
        self._received = bytearray()
        self._greeted = False
        self._limit = MAX_LINE

    @property
    def leftover(self) -> bytes:
        """What the peer sent after the negotiation."""
        return bytes(self._received)

    def start(self) -> bytes:
        raise NotImplementedError

    def receive(self, data: bytes) -> bytes:
        """Take in what the peer sent, in pieces of any size; gives what is to be sent back.
        Raises ProtocolViolation."""
        self._received += data
        answer = bytearray()
        while not self.done:
            message = self._next_message()
            if message is None:
                break
            if self._greeted:
                answer += self._on(message)
                continue
            self._note("received", self._text(message))
            if message != MULTISTREAM_ID.encode():
                raise ProtocolViolation(f"the peer began with {_shown(message)} instead of {MULTISTREAM_ID}")
            self._greeted = True
            answer += self._on_greeting()
        return bytes(answer)

    @property
    def done(self) -> bool:
        return self.protocol is not None

    def _on_greeting(self) -> bytes:
        return b""

    def _on(self, message: bytes) -> bytes:
        line = self._text(message)
        self._note("received", line)
        return self._on_line(line)

    def _on_line(self, line: str) -> bytes:
        raise NotImplementedError

    def _text(self, message: bytes) -> str:
        try:
            return message.decode()
        except UnicodeDecodeError as error:
            raise ProtocolViolation(f"the peer sent {_shown(message)}, which is not UTF-8") from error

    def _send(self, *lines: str) -> bytes:
        for line in lines:
            self._note("sent", line)
        return b"".join(frame(line) for line in lines)

    def _note(self, way: Literal["sent", "received"], line: str) -> None:
        self.steps.append((way, line))
        if self.on_step is not None:
            self.on_step(way, line)

    def _next_message(self) -> bytes | None:
        """The next message without its newline, or None while it is not all there."""
        try:
            prefix = decode_varint(self._received)
        except ValueError as error:
            raise ProtocolViolation(f"the peer sent no multistream message: {error}") from error
        if prefix is None:
            return None
        length, start = prefix
        if not 0 < length <= self._limit:
            raise ProtocolViolation(
                f"the peer announced a multistream message of {length} bytes (1 to {self._limit} go)"
            )
        if len(self._received) < start + length:
            return None
        message = bytes(self._received[start : start + length])
        if message[-1:] != b"\n":
            raise ProtocolViolation(f"the peer sent {_shown(message)}, which has no newline at its end")
        del self._received[: start + length]
        return message[:-1]


class Proposer(_Machine):
    """The end that proposes, one protocol after the other in the order given, until one is echoed.

    With ``lazy`` the stream may be used at once for the first protocol, before the listener has said anything; give
    just one then, for a listener that refuses it may take what follows for another proposal. ``simultaneous`` is a
    random number below 2**64, for when both ends may believe to be the dialler; the one with the higher number stays
    the dialler, and the other answers its proposals out of ``supported``.

    ``refused`` is True once the peer has refused everything.
    """

    def __init__(
        self,
        protocols: Sequence[str],
        lazy: bool = False,
        simultaneous: int | None = None,
        supported: Callable[[str], str | None] | Iterable[str] = (),
    ) -> None:
        super().__init__()
        self.protocols = [check_protocol_id(protocol) for protocol in protocols]
        if not self.protocols:
            raise ValidationError("there is no protocol to propose")
        if lazy and len(self.protocols) > 1:
            raise ValidationError(f"a lazy dialler proposes one protocol, not {len(self.protocols)}")
        if simultaneous is not None and not 0 <= simultaneous < 1 << 64:
            raise ValidationError(f"the number for simultaneous open is from 0 to 2**64 - 1, not {simultaneous!r}")
        self.lazy = lazy
        self.refused = False
        self.initiator = True
        self._tried = 0
        self._number = simultaneous
        self._stage: Literal["asking", "numbers", "verdict", "proposing", "answering"] = "proposing"
        self._skipped = 0
        self._supported = supported
        self._listener: Listener | None = None

    @property
    def done(self) -> bool:
        return self.protocol is not None or self.refused

    def start(self) -> bytes:
        """The header and the first proposal."""
        if self._number is None:
            return self._send(MULTISTREAM_ID, self.protocols[0])
        self._stage = "asking"
        return self._send(MULTISTREAM_ID, SIMULTANEOUS_ID, self.protocols[0])

    def _on_line(self, line: str) -> bytes:
        if self._stage == "proposing":
            return self._on_answer(line)
        if self._stage == "asking":
            return self._on_role(line)
        if self._stage == "numbers":
            return self._on_number(line)
        if self._stage == "verdict":
            return self._on_verdict(line)
        return self._on_proposal(line)

    def _on_answer(self, line: str) -> bytes:
        proposed = self.protocols[self._tried]
        if line == proposed:
            self.protocol = proposed
            return b""
        if line != _NOT_AVAILABLE:
            raise ProtocolViolation(f"the peer answered the proposal {proposed!r} with {line!r}")
        self._tried += 1
        if self._tried == len(self.protocols):
            self.refused = True
            return b""
        return self._send(self.protocols[self._tried])

    # -- simultaneous open (simopen.md)

    def _on_role(self, line: str) -> bytes:
        if line == _NOT_AVAILABLE:
            self._stage = "proposing"
            return b""
        if line == SIMULTANEOUS_ID:
            self._stage = "numbers"
            return self._send(f"select:{self._number}")
        raise ProtocolViolation(f"the peer answered {SIMULTANEOUS_ID} with {line!r}")

    def _on_number(self, line: str) -> bytes:
        digits = line[len("select:") :]
        if not line.startswith("select:"):
            # A proposal that the peer sent before it knew that both dial; it means nothing any more.
            self._skipped += 1
            if self._skipped > MAX_PROPOSALS:
                raise ProtocolViolation(f"the peer sent {self._skipped} messages and no number for simultaneous open")
            return b""
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 20 and int(digits) < 1 << 64):
            raise ProtocolViolation(f"the peer sent {line!r}, which is no number for simultaneous open")
        assert self._number is not None
        if int(digits) == self._number:
            raise ProtocolViolation("both ends drew the same number for simultaneous open")
        self.initiator = self._number > int(digits)
        self._stage = "verdict"
        return self._send("initiator") if self.initiator else b""

    def _on_verdict(self, line: str) -> bytes:
        expected = "responder" if self.initiator else "initiator"
        if line != expected:
            raise ProtocolViolation(f"the peer said {line!r} where simultaneous open needs {expected!r}")
        if self.initiator:
            self._stage = "proposing"
            return self._send(self.protocols[0])
        self._stage = "answering"
        self._listener = Listener(self._supported)
        return self._send("responder")

    def _on_proposal(self, line: str) -> bytes:
        assert self._listener is not None
        self._listener.steps, self._listener.on_step = self.steps, self.on_step
        answer = self._listener._on_line(line)
        self.protocol = self._listener.protocol
        return answer


class Listener(_Machine):
    """The end that answers. ``supported`` is the protocols it speaks, or a function that maps a proposal to the
    protocol to serve it as, or to None; a name there may have a newer handler, but the echo is the proposal itself.

    ``matched`` is what the function gave for the protocol that was agreed.
    """

    def __init__(self, supported: Callable[[str], str | None] | Iterable[str]) -> None:
        super().__init__()
        self._names: list[str] = []
        if callable(supported):
            self._match = supported
        else:
            self._names = list(supported)
            names = dict.fromkeys(self._names)
            self._match = lambda proposal: proposal if proposal in names else None
        self.matched: str | None = None
        self._proposals = 0
        self.listing: Callable[[], Sequence[str]] = lambda: self._names

    def start(self) -> bytes:
        """The header."""
        return self._send(MULTISTREAM_ID)

    def _on_line(self, line: str) -> bytes:
        self._proposals += 1
        if self._proposals > MAX_PROPOSALS:
            raise ProtocolViolation(
                f"the peer made {self._proposals} proposals on one stream; {MAX_PROPOSALS} are taken"
            )
        if line == _LIST:
            return self._list()
        matched = self._match(line) if line and line not in _WORDS else None
        if matched is None:
            return self._send(_NOT_AVAILABLE)
        self.matched = matched
        self.protocol = line
        return self._send(line)

    def _list(self) -> bytes:
        names: list[str] = []
        body = b""
        for name in self.listing():
            entry = frame(name)
            if len(body) + len(entry) >= MAX_LISTING:
                break
            names.append(name)
            body += entry
        self._note("sent", " ".join(names))
        return encode_varint(len(body) + 1) + body + b"\n"


class ListRequest(_Machine):
    """Asks which protocols the other end speaks (``ls``). ``protocols`` is the answer, once it is there.

    The specification's text and its implementations differ in how the answer looks. Taken, and given by ``Listener``,
    is what js-libp2p and rust-libp2p say: one message that holds a message for each protocol. py-libp2p's, names
    between newlines, is understood too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.protocols: list[str] | None = None

    @property
    def done(self) -> bool:
        return self.protocols is not None

    def start(self) -> bytes:
        """The header and the question."""
        return self._send(MULTISTREAM_ID, _LIST)

    def _on_greeting(self) -> bytes:
        self._limit = MAX_LISTING
        return b""

    def _on(self, message: bytes) -> bytes:
        self.protocols = _names_in(message)
        self._note("received", " ".join(self.protocols))
        return b""


def _names_in(message: bytes) -> list[str]:
    try:
        names = _entries_of(message)
        texts = message.decode().split("\n") if names is None else [name.decode() for name in names]
    except UnicodeDecodeError as error:
        raise ProtocolViolation(f"the peer listed its protocols as {_shown(message)}, which is not UTF-8") from error
    return [text for text in texts if text]


def _entries_of(message: bytes) -> list[bytes] | None:
    """The messages within a message; None where it does not consist of such."""
    entries = []
    at = 0
    try:
        while at < len(message):
            prefix = decode_varint(message, at)
            if prefix is None:
                return None
            at = sum(prefix)
            if at > len(message) or message[at - 1 : at] != b"\n":
                return None
            entries.append(message[prefix[1] : at - 1])
    except ValueError:
        return None
    return entries


def _shown(message: bytes) -> str:
    return f"{message[:40]!r}…" if len(message) > 40 else repr(message)
