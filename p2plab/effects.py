"""What a protocol core answers with, and the one runner that carries it out.

A core is given what happened, the time and a source of random numbers; it answers with effects, in order. It never
sends, sleeps, sets a timer or writes the log: a ``Runner`` does that for it, in any world.

One rule for causes. What led to the answer is the log's ambient cause, or the one the runner is given. A ``Note``
becomes an event and says what it follows from:

- ``HERE`` (the default): what led to the answer;
- ``FIRST``: the answer's first Note, which follows from what led to the answer;
- ``LAST``: the Note before it.

Everything that is no Note (an RPC, a request, a dial) follows from the Note before it, or from what led to the answer
where there is none.

``Send`` is a plain tuple, since one is made for every message a node passes on; all others are slotted objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from p2plab.events import EventLog

__all__ = [
    "FIRST",
    "HERE",
    "LAST",
    "SEND",
    "Ask",
    "CloseConnection",
    "DialPeer",
    "Note",
    "OperationDone",
    "Performer",
    "Reconnect",
    "Runner",
    "Send",
    "Sender",
    "WakeAt",
    "Withdraw",
    "check_effects",
    "note",
]

M = TypeVar("M")
OP = TypeVar("OP")

SEND: Final = "send"
Send: TypeAlias = tuple[Literal["send"], Sequence[int], M]
"""``(SEND, peers, message)``: the same message to each of these peers."""

After: TypeAlias = Literal[0, 1, 2]
HERE: Final = 0
FIRST: Final = 1
LAST: Final = 2


class Note:
    """Record an event of this kind, with the columns of ``EventLog.record``; ``after`` says what it follows from."""

    __slots__ = ("after", "data", "kind", "peer", "reason", "ref", "size", "topic")

    def __init__(
        self,
        kind: str,
        peer: int = -1,
        topic: str | None = None,
        ref: str | None = None,
        size: int | None = None,
        reason: str | None = None,
        data: dict[str, Any] | None = None,
        after: After = HERE,
    ) -> None:
        self.kind = kind
        self.peer = peer
        self.topic = topic
        self.ref = ref
        self.size = size
        self.reason = reason
        self.data = data
        self.after = after

    def __repr__(self) -> str:
        return f"<Note {self.kind} peer={self.peer} reason={self.reason!r}>"


def note(
    kind: str,
    peer: int = -1,
    topic: str | None = None,
    *,
    ref: str | None = None,
    size: int | None = None,
    reason: str | None = None,
    data: dict[str, Any] | None = None,
    after: After = HERE,
) -> Note:
    """A Note. Calling the class with keywords makes a dict of them first; this does not."""
    return Note(kind, peer, topic, ref, size, reason, data, after)


def check_effects(
    effects: object,
    others: tuple[type, ...],
    message: type | None = None,
    of: type | tuple[type, ...] = (list, tuple),
    peer_of: Callable[[int], object] | None = None,
) -> None:
    """TypeError for what is no answer of a core: a sequence (``of``) of Notes that can be recorded, of ``others`` and,
    where it sends ``message``, of Sends. ``peer_of`` raises LookupError for a number that is no peer's. For cores of a
    user's making."""
    if not isinstance(effects, of):
        raise TypeError(f"an input is answered with effects in a list or a tuple, not with {effects!r}")
    for effect in effects:  # type: ignore[attr-defined]  # it is one of ``of``
        if type(effect) is Note:
            _check_note(effect, peer_of)
        elif not (isinstance(effect, others) or (message is not None and _is_send(effect, message))):
            raise TypeError(f"{effect!r} is no effect: p2plab.effects has them")


def _is_send(effect: object, message: type) -> bool:
    if type(effect) is not tuple or len(effect) != 3 or effect[0] != SEND or not isinstance(effect[2], message):
        return False
    return isinstance(effect[1], (list, tuple)) and all(type(peer) is int for peer in effect[1])


def _check_note(note: Note, peer_of: Callable[[int], object] | None) -> None:
    from p2plab.events.files.jsonl import MOST
    from p2plab.events.kinds import KINDS
    from p2plab.events.plain import check_data

    if note.kind not in KINDS:
        raise TypeError(f"{note!r}: there is no such kind of event; p2plab.events.KINDS lists them")
    if note.data is not None:
        check_data(note.kind, note.data)
    for text in (note.topic, note.ref, note.reason):
        if text is not None and not isinstance(text, str):
            raise TypeError(f"{note!r}: {text!r} is no text")
    if not (note.size is None or (type(note.size) is int and 0 <= note.size < MOST)):
        raise TypeError(f"{note!r}: size is a whole number of bytes, not {note.size!r}")
    if type(note.peer) is not int or note.peer < -1:
        raise TypeError(f"{note!r}: peer is a peer's number, or -1 for none")
    if note.peer >= 0 and peer_of is not None:
        try:
            peer_of(note.peer)
        except LookupError as error:  # nobody could read such a row
            raise TypeError(f"{note!r}: {note.peer} is no peer's number") from error


@dataclass(slots=True, eq=False)
class DialPeer:
    """Connect to the peer with this id (binary), whom another peer recommended with this signed record (or b"")."""

    peer_id: bytes
    record: bytes


@dataclass(slots=True, eq=False)
class Reconnect:
    """Connect to a peer with a peering agreement, by its name or peer id."""

    name: str


@dataclass(slots=True, eq=False)
class Withdraw:
    """The peer does not want the messages with these ids: take them out of what is queued for it, if possible."""

    peer: int
    message_ids: tuple[bytes, ...]


@dataclass(slots=True, eq=False)
class Ask(Generic[OP, M]):
    """Send the peer a request of an operation, and tell the core of its answer or failure."""

    operation: OP
    peer: int
    message: M


@dataclass(slots=True, eq=False)
class OperationDone(Generic[OP]):
    """An operation is over: tell whoever waits for it."""

    operation: OP


@dataclass(slots=True, eq=False)
class CloseConnection:
    """Close the connection of this number from this end."""

    connection: int
    reason: str


@dataclass(slots=True, eq=False)
class WakeAt:
    """Call the core's ``wake`` at this tick; a later WakeAt replaces an earlier one."""

    tick: int


class Performer(Protocol):
    """One node's shell in its world: what a runner has for everything but events."""

    def perform(self, effect: Any, cause: int) -> object:
        """Carry out an effect that is neither a Send nor a Note, because of the event ``cause``."""


class Sender(Performer, Protocol):
    """The shell of a core that answers with Sends too."""

    def send(self, peers: Sequence[int], message: Any, cause: int) -> object:
        """Send the message to each of these peers, because of the event ``cause``."""


class Runner:
    """Carries out the effects of one node's core. ``me`` is the node's index in the log."""

    __slots__ = ("_log", "_me", "_performer")

    def __init__(self, log: EventLog, me: int, performer: Performer | Sender) -> None:
        self._log = log
        self._me = me
        self._performer: Any = performer  # a Sender, where there are Sends

    def run(self, effects: Iterable[Any], cause: int | None = None) -> int:
        """Carry out effects in order, because of the event ``cause`` (None: the log's ambient cause); returns the
        event of the last Note, or that cause where there was none."""
        log = self._log
        here = last = log.cause if cause is None else cause
        first: int | None = None
        for effect in effects:
            if type(effect) is tuple:
                self._performer.send(effect[1], effect[2], last)
            elif type(effect) is Note:
                after = effect.after
                parent = last if after == LAST else first if after == FIRST and first is not None else here
                last = log.record(
                    effect.kind,
                    self._me,
                    effect.peer,
                    effect.topic,
                    effect.ref,
                    effect.size,
                    effect.reason,
                    effect.data,
                    parent,
                )
                if first is None:
                    first = last
            else:
                self._performer.perform(effect, last)
        return last
