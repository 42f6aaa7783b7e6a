"""What a question to several content routers came to: a Lookup that also says what each router answered, and when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from p2plab.constants import TICKS_PER_SECOND
from p2plab.kademlia.lookups.result import Lookup, Query
from p2plab.kademlia.storage.records import key_text
from p2plab.routing.composition import Composition, RouterProgress
from p2plab.text import aligned, html_table, plural, shown
from p2plab.typing import PeerInfo

__all__ = ["RoutedLookup", "RouterAnswer"]


@dataclass(frozen=True, slots=True)
class RouterAnswer:
    """What one router answered. ``started`` is seconds of lab time (None: it was not asked), ``seconds`` how long it
    took (None: it was not waited for), ``answer`` what it found in words, ``failed`` whether it gave none, and
    ``lookup`` the Lookup that it went by, if it did. ``providers``, ``peer`` and ``value`` are what was asked for."""

    router: str
    answer: str
    started: float | None = None
    seconds: float | None = None
    found: bool = False
    failed: bool = False
    providers: tuple[PeerInfo, ...] = ()
    peer: PeerInfo | None = None
    value: bytes | None = None
    lookup: Lookup | None = None

    def __str__(self) -> str:
        took = "" if self.seconds is None else f" in {self.seconds:.3f} s"
        return f"{self.router}: {self.answer}{took}"


class RoutedLookup(Lookup):
    """The result of the verbs of ``node.routing``.

    It has all that a Lookup of the DHT has (``found``, ``value``, ``providers``, ``peer``, ``peers``, ``path``,
    ``duration``, ``why()``); ``answers`` are what each router said, in the order in which they are listed. ``path``
    holds the queries of those that went by queries.
    """

    def __init__(self, search: Composition, key: bytes, ref: str, event: int, started: int, ended: int) -> None:
        self.kind = search.kind
        self.key = key
        self.ref = ref
        self.event = event if event >= 0 else None
        self.reason = search.reason or "stopped"
        self.started = started / TICKS_PER_SECOND
        self.ended = ended / TICKS_PER_SECOND
        self.order = search.order
        self.answers = [_answer(search.kind, standing) for standing in search.standings.values()]
        findings = [one.finding for one in _in_order(search.standings.values()) if one.finding is not None]
        self.providers = merged(info for finding in findings for info in finding.providers)
        self.peer = next((finding.peer for finding in findings if finding.peer is not None), None)
        self.value = next((finding.value for finding in findings if finding.value is not None), None)
        self.peers = merged(info for finding in findings for info in finding.peers)
        self._took = any(finding.took for finding in findings)
        queries = [query for finding in findings if finding.lookup is not None for query in finding.lookup.path]
        self._path: list[Query] | None = sorted(queries, key=lambda query: query.time)
        self._space, self._steps, self._seeds = None, (), ()  # type: ignore[assignment]  # the path is there already

    @property
    def found(self) -> bool:
        """Whether it gave what was asked for; of a provide or a put, whether any router took it."""
        return self._took if self.kind in ("provide", "put") else super().found

    def why(self) -> str:
        """Why it ended as it did: every router, what it answered, and how long that took."""
        return f"{self.reason}; " + "; ".join(map(str, self.answers))

    def __str__(self) -> str:
        names = ("router", "asked (s)", "took", "answer")
        rows = [names, *map(_row, self.answers)]
        return "\n".join([self._head(), aligned(rows)])

    def _repr_html_(self) -> str:
        return html_table(("router", "asked (s)", "took", "answer"), map(_row, self.answers), self._head())

    def _head(self) -> str:
        what = f"{self.kind} {key_text(self.key)}: {self._outcome()} in {self.duration:.3f} s"
        return f"{what} ({self.reason}, {self.order})"

    def _outcome(self) -> str:
        if self.kind in ("put", "provide"):
            took = sum(answer.found for answer in self.answers)
            return f"taken by {plural(took, 'router')}"
        return super()._outcome()


def merged(peers: Iterable[PeerInfo]) -> list[PeerInfo]:
    """Each peer once, in the order in which they came, with all the addresses that were given of it."""
    found: dict[str, PeerInfo] = {}
    for info in peers:
        known = found.get(info.peer_id)
        if known is None:
            found[info.peer_id] = info
        elif more := [address for address in info.addresses if address not in known.addresses]:
            found[info.peer_id] = replace(known, addresses=[*known.addresses, *more])
    return list(found.values())


def _in_order(standings: Iterable[RouterProgress]) -> Sequence[RouterProgress]:
    """Those that answered, in the order in which they did."""
    return sorted((one for one in standings if one.ended >= 0), key=lambda one: one.ended)


def _answer(kind: str, standing: RouterProgress) -> RouterAnswer:
    if standing.asked < 0:
        return RouterAnswer(standing.router, "not asked: what was found before was enough")
    started = standing.asked / TICKS_PER_SECOND
    if standing.ended < 0:
        return RouterAnswer(standing.router, "not waited for: what was found before was enough", started)
    seconds, finding = (standing.ended - standing.asked) / TICKS_PER_SECOND, standing.finding
    if finding is None:
        text = standing.failure or "failed"
        detail = f": {shown(standing.text, 300)}" if standing.text else ""
        return RouterAnswer(standing.router, f"{text}{detail}", started, seconds, failed=True)
    return RouterAnswer(
        standing.router,
        _said(kind, standing),
        started,
        seconds,
        finding.found,
        False,
        finding.providers,
        finding.peer,
        finding.value,
        finding.lookup,
    )


def _said(kind: str, standing: RouterProgress) -> str:
    finding = standing.finding
    assert finding is not None
    note = f" ({shown(finding.note, 300)})" if finding.note else ""
    if kind == "find_providers":
        return f"{plural(len(finding.providers), 'provider')}{note}"
    if kind == "find_peer":
        return ("nobody" if finding.peer is None else finding.peer.name) + note
    if kind == "get":
        return ("no value" if finding.value is None else f"a value of {plural(len(finding.value), 'byte')}") + note
    where = f" at {plural(len(finding.peers), 'peer')}" if finding.peers else ""
    return (f"stored{where}" if finding.took else "refused") + note


def _row(answer: RouterAnswer) -> tuple[str, str, str, str]:
    started = "" if answer.started is None else f"{answer.started:.3f}"
    took = "" if answer.seconds is None else f"{answer.seconds * 1000:.0f} ms"
    return (answer.router, started, took, f"✗ {answer.answer}" if answer.failed else answer.answer)
