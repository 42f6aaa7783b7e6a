"""Lesson 08: content."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from p2plab.events import Event, EventLog
from p2plab.teaching.exercises import Verdict, exercise
from p2plab.teaching.networks import log_of, names
from p2plab.text import plural

__all__: list[str] = []

MIB: Final = 1 << 20
CHUNKS: Final = 6  # of a file of 5 MiB and one byte
PEERS: Final = 4
SHARE: Final = 50  # per cent of the bytes that one peer may give
BEST: Final = 21  # what five peers come to
NODES: Final = 50
LIARS: Final = 2


def _data(event: Event, name: str) -> Any:
    return (event.data or {}).get(name)


def _fetched(log: EventLog) -> list[Event]:
    """The fetches that got something whole from others, in order."""
    return [event for event in log.filter(kind="content.fetched") if _data(event, "blocks")]


def _nothing_fetched(log: EventLog) -> str:
    """Why no node has got anything from another."""
    if not log.filter(kind="content.added"):
        return "no node has any content: node.content.add(b'...')"
    if failed := log.filter(kind="bitswap.failed"):
        return f"{failed[-1].node} did not get it: {_data(failed[-1], 'why')}"
    if log.filter(kind="content.fetched"):
        return "the node that fetched it had it already: let one fetch that has nothing of it"
    return "nobody has fetched anything from another node: node.content.fetch(cid)"


@exercise("08.1", "the number of blocks in which a file of 5 MiB and one byte is kept, in chunks of at most 1 MiB")
def _blocks_of_a_file(answer: Any) -> Verdict:
    text = str(answer).strip()
    if answer is not None and not (isinstance(answer, (int, str)) and text.isdecimal()):
        return Verdict(False, f"give the number of blocks, not {answer!r}"[:200])
    count = int(text)
    if count == CHUNKS + 1:
        return Verdict(True, f"{CHUNKS} chunks, the last of one byte, and the root that links to them")
    if count == CHUNKS:
        return Verdict(False, f"{CHUNKS} is right for the chunks; what says in which order they belong together?")
    if count == CHUNKS - 1:
        return Verdict(False, "five chunks hold 5 MiB and no byte more; and what says that they belong together?")
    if count >= 5 * MIB:
        return Verdict(False, f"{count} is about the number of bytes; blocks hold up to {MIB:,} of them each")
    return Verdict(False, f"not {count}: count the chunks first, then what links to them. A lab can tell, too: add one")


def _shares(log: EventLog, fetch: Event) -> dict[str, int]:
    """The bytes that each peer gave of a fetch."""
    begun = [
        event.seq
        for event in log.filter(kind="bitswap.session", node=fetch.node)
        if event.reason == "opened" and event.seq < fetch.seq and event.ref == fetch.ref
    ]
    shares: dict[str, int] = {}
    for event in log.filter(kind="bitswap.block", node=fetch.node):
        if begun and begun[-1] < event.seq < fetch.seq:
            shares[str(event.peer)] = shares.get(str(event.peer), 0) + (event.size or 0)
    return shares


@exercise(
    "08.2", f"a lab in which a node fetches a file from at least {PEERS} peers, none of which gives more than half"
)
def _many_givers(answer: Any) -> Verdict:
    log = log_of(answer)
    fetches = _fetched(log)
    if not fetches:
        return Verdict(False, _nothing_fetched(log))
    if not log.filter(kind="bitswap.block"):
        return Verdict(False, "the log does not say who gave what: make the lab with level='messages'")
    best = max(
        (_shares(log, fetch) for fetch in fetches), key=lambda shares: (min(len(shares), PEERS), -_largest(shares)[1])
    )
    who, share = _largest(best)
    figures: dict[str, Any] = {"score": share, "best": BEST, "unit": "%"}
    if len(best) < PEERS:
        few = f"{names(list(best))} gave all of it; it takes {PEERS} peers that give something"
        return Verdict(False, f"{few}: more nodes that have the file, or more blocks to share out", **figures)
    if share > SHARE:
        return Verdict(False, f"{who} gave {share:.0f} % of the bytes: too much for one peer", **figures)
    return Verdict(True, f"{plural(len(best), 'peer')} gave something, {who} the most", **figures)


def _largest(shares: dict[str, int]) -> tuple[str, float]:
    """Who gave most, and how much of the whole, in per cent."""
    if not shares:
        return "nobody", 100.0
    who = max(shares, key=lambda name: shares[name])
    return who, 100 * shares[who] / max(1, sum(shares.values()))


@exercise("08.3", f"a lab of at least {NODES} nodes in which one gets content from a node it was not connected with")
def _found_by_search(answer: Any) -> Verdict:
    log = log_of(answer)
    count = len(log.state().nodes)
    if count < NODES:
        return Verdict(False, f"the network has {plural(count, 'node')}, and should have at least {NODES}")
    searches = [event for event in log.filter(kind="bitswap.found") if _data(event, "connected")]
    for fetch in _fetched(log):
        for search in searches:
            if search.node == fetch.node and search.seq < fetch.seq:
                who = names(sorted(_shares(log, fetch))) or "a provider"
                return Verdict(True, f"{fetch.node} searched, and got it from {who}")
    if not log.filter(kind="content.added"):
        return Verdict(False, _nothing_fetched(log))
    if fetches := _fetched(log):
        gave = names(sorted(_shares(log, fetches[-1])))
        return Verdict(
            False, f"{fetches[-1].node} was connected with {gave} already: take one that knows nobody who has it"
        )
    provided = [event for event in log.filter(kind="dht.lookup") if _data(event, "kind") == "provide"]
    if not provided:
        return Verdict(False, "nobody has said that it has anything: node.dht.provide(cid)")
    failed = log.filter(kind="bitswap.failed")
    if failed and failed[-1].seq < provided[-1].seq:
        return Verdict(False, f"{failed[-1].node} looked for it before it was provided: fetch again")
    return Verdict(False, _nothing_fetched(log))


def _pinned_at(log: EventLog, node: str, seq: int) -> set[str]:
    """The CIDs that are pinned at a node at one moment."""
    pinned: set[str] = set()
    changes = [*log.filter(kind="content.pinned", node=node), *log.filter(kind="content.unpinned", node=node)]
    for event in sorted(changes, key=lambda event: event.seq):
        if event.seq < seq:
            (pinned.add if event.kind == "content.pinned" else pinned.discard)(str(event.ref))
    return pinned


def _collections(log: EventLog) -> Iterator[tuple[Event, list[str], list[str]]]:
    """Each garbage collection: what its node had fetched and kept, and what it had fetched and lost."""
    for event in log.filter(kind="content.collected"):
        fetched = {
            str(fetch.ref): None for fetch in _fetched(log) if fetch.node == event.node and fetch.seq < event.seq
        }
        pinned = _pinned_at(log, str(event.node), event.seq)
        yield event, [ref for ref in fetched if ref in pinned], [ref for ref in fetched if ref not in pinned]


@exercise("08.4", "a lab in which a node fetches two files, pins one of them, and then collects garbage")
def _one_is_kept(answer: Any) -> Verdict:
    log = log_of(answer)
    fetches = _fetched(log)
    if not fetches:
        return Verdict(False, _nothing_fetched(log))
    most = max(
        len({fetch.ref for fetch in fetches if fetch.node == node}) for node in {fetch.node for fetch in fetches}
    )
    if most < 2:
        return Verdict(False, "no node has fetched two different files")
    found = list(_collections(log))
    if not found:
        return Verdict(False, "no garbage was collected: node.content.blocks.collect()")
    for event, kept, lost in found:
        if kept and lost:
            went = plural(_data(event, "blocks"), "block")
            return Verdict(True, f"{event.node} kept what it had pinned, and threw away {went}")
    event, kept, lost = found[-1]
    if kept:
        return Verdict(False, f"{event.node} had pinned all that it fetched, so nothing of it went: pin one of them")
    if lost:
        later = _pinned_at(log, str(event.node), log.filter()[-1].seq + 1) & set(lost)
        if later:
            return Verdict(False, f"{event.node} pinned it after the collection: pin first, then collect")
        return Verdict(
            False,
            f"{event.node} had pinned nothing that it fetched, so all of it went: fetch(cid, pin=True), or "
            "node.content.blocks.pin(cid)",
        )
    return Verdict(
        False, f"{event.node} collected garbage, and had fetched nothing by then: let the one who fetches do it"
    )


@exercise("08.5", f"a lab in which a node gets a file whole, although at least {LIARS} peers sent wrong bytes for it")
def _lied_to(answer: Any) -> Verdict:
    log = log_of(answer)
    wrong: dict[str, set[str]] = {}
    for event in log.filter(kind="bitswap.unasked"):
        wrong.setdefault(str(event.node), set()).add(str(event.peer))
    if not wrong:
        return Verdict(
            False, "nobody has sent wrong bytes: make_liar(node), before a node fetches that is connected with it"
        )
    fooled = max(wrong, key=lambda node: len(wrong[node]))
    liars = sorted(wrong[fooled])
    if len(liars) < LIARS:
        return Verdict(False, f"only {names(liars)} sent wrong bytes to {fooled}; it takes {LIARS} that do")
    whole = [event for event in _fetched(log) if event.node == fooled]
    if not whole:
        failed = log.filter(kind="bitswap.failed", node=fooled)
        why = f": {_data(failed[-1], 'why')}" if failed else ""
        return Verdict(False, f"{fooled} has not got the file{why}. Somebody honest has to have it")
    first = min(event.seq for event in log.filter(kind="bitswap.unasked", node=fooled))
    if whole[-1].seq < first:
        return Verdict(False, f"{fooled} had the file before anybody lied: let it fetch another one")
    return Verdict(True, f"{names(liars)} lied, and {fooled} has the file, byte for byte")
