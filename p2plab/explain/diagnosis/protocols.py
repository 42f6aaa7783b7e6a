"""The layers of what the two speak: protocols by name, and who may open streams of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from p2plab.errors.likely import likely
from p2plab.events import EventLog
from p2plab.explain.diagnosis.answer import Diagnosis
from p2plab.explain.faults import ADMISSION, refusal_of

__all__ = ["asked_in_vain", "nothing_in_common", "of_streams", "wanted", "without_partner"]

BUILT_IN = ("/ipfs/", "/libp2p/", "/meshsub/", "/floodsub/", "/p2p/", "/p2plab/", "/lan/", "/perf/")


def wanted(protocol: str, b: str, theirs: Sequence[str], outside: bool) -> Diagnosis | None:
    """Whether the peer answers a protocol; where not, the nearest of those it answers. ``outside``: it is no node of
    the lab."""
    if protocol in theirs:
        return None
    near = likely(protocol, [name for name in theirs if not name.startswith(BUILT_IN)])
    but = f", but {near!r}" if near is not None else f"; it answers {', '.join(sorted(theirs)[:8]) or 'nothing'}"
    have = f"have {b} answer {protocol!r}" if outside else f"{b}.handle({protocol!r}, ...)"
    ask = f"ask for {near!r}" if near is not None else have
    return Diagnosis("protocols", f"{b} does not answer {protocol!r}{but}", remedy=ask)


def without_partner(a: str, b: str, mine: Iterable[str], theirs: Sequence[str]) -> Diagnosis | None:
    """A protocol of one's own that only one of the two answers, where the other answers one of nearly that name."""
    ours = [name for name in mine if not name.startswith(BUILT_IN)]
    others = [name for name in theirs if not name.startswith(BUILT_IN) and name not in ours]
    for name in ours:
        near = None if name in theirs else likely(name, others)
        if near is not None:
            reason = f"{a} answers {name!r} and {b} answers {near!r}: two names, so two protocols"
            return Diagnosis("protocols", reason, remedy=f"use one of the two names on both ({name!r} or {near!r})")
    return None


def of_streams(log: EventLog, a: str, b: str, named: str) -> Diagnosis | None:
    """The last stream between the two that was refused, and why; None where one was opened, or admission changed,
    since. ``b``: what the log calls the other, ``named`` what a person does."""
    for one, other in ((a, b), (b, a)):
        refused = [
            event for event in log.filter(kind="stream.refused", node=one, peer=other) if str(event.reason) in ADMISSION
        ]
        if not refused:
            continue
        last = refused[-1]
        asked = _protocols(last.data or {})
        opened = log.filter(kind="stream.opened", node=one, peer=other)
        later = [event for event in opened if event.seq > last.seq and (event.data or {}).get("protocol") in asked]
        changed = [event for event in log.filter(kind="admission.changed") if event.seq > last.seq]
        if later or changed:
            continue
        fault = refusal_of(log, last)
        if fault is not None:
            return Diagnosis(fault.layer, fault.reason.replace(b, named), (str(last),), fault.remedy)
    return None


def asked_in_vain(log: EventLog, a: str, b: str, named: str, theirs: Sequence[str]) -> Diagnosis | None:
    """The last protocol that ``a`` asked ``b`` for (``named``: what a person calls it), where it answers it still
    not."""
    refused = log.filter(kind="stream.refused", node=a, peer=b)
    if not refused or refused[-1].reason != "protocol not supported":
        return None
    asked = [name for name in _protocols(refused[-1].data or {}) if not name.startswith(BUILT_IN)]
    if not asked or any(name in theirs for name in asked):
        return None
    found = wanted(asked[0], named, theirs, named != b)
    return None if found is None else found.after((str(refused[-1]),))


def _protocols(data: dict[str, object]) -> tuple[str, ...]:
    several, one = data.get("protocols"), data.get("protocol")
    if isinstance(several, (list, tuple)):
        return tuple(map(str, several))
    return tuple(str(name) for name in (several, one) if isinstance(name, str))


def nothing_in_common(mine: Sequence[str], theirs: Sequence[str]) -> Diagnosis | None:
    """What two nodes answer, each asked by itself: no protocol that is the same beside those that every node has."""
    ours, others = (_uses(names) for names in (mine, theirs))
    if not ours or not others or set(ours) & set(others):
        return None
    reason = f"the first answers {', '.join(ours[:6])}, and the second {', '.join(others[:6])}: none in common"
    near = next(((name, likely(name, others)) for name in ours if likely(name, others)), None)
    remedy = "run the same protocols on both" if near is None else f"use one name on both: {near[0]!r} or {near[1]!r}"
    return Diagnosis("protocols", reason, remedy=remedy)


def _uses(names: Sequence[str]) -> list[str]:
    """Those that are there for a use, and not to keep a connection."""
    return [name for name in names if not name.startswith(("/ipfs/id", "/ipfs/ping", "/libp2p/", "/p2p/id", "/perf/"))]
