"""What happened, and why; and the log as a file."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from p2plab.commands.arguments import About, Count, NodeName, Seconds, TopicName, number
from p2plab.commands.rows import EventRow, event_row
from p2plab.commands.table import Example, command
from p2plab.errors import ValidationError
from p2plab.errors.likely import Nothing
from p2plab.events.kinds import KINDS
from p2plab.host.names import is_peer_id

if TYPE_CHECKING:
    from p2plab.api.aio.lab import AsyncLab

SUFFIXES = (".jsonl", ".jsonl.gz")

Kind = Annotated[str, Field(min_length=1, max_length=80), About("a kind of event, or a family such as pubsub", "kind")]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Seq = Annotated[int, BeforeValidator(number), Field(ge=0, le=1 << 53), About("the number of an event", "number")]


class _Events(TypedDict):
    events: list[EventRow]
    count: int


class Events(_Events, total=False):
    """``count`` is how many there are, of which the last are shown; ``note`` says why there is none, where a name or a
    topic is unknown."""

    note: str


class CountsResult(TypedDict):
    counts: dict[str, int]


class Causes(TypedDict):
    """Events, each the cause of the next; ``note`` says why the first has none, where that is not plain."""

    causes: list[EventRow]
    note: str


class Digest(TypedDict):
    digest: str
    events: int


class Exported(TypedDict):
    path: str
    events: int


class CodeResult(TypedDict):
    """``code`` is Python that does all of it again."""

    code: str
    commands: int


class SpreadResult(TypedDict):
    """How a message spread: seconds since it was published."""

    message: str
    topic: str
    publisher: str
    deliveries: list[dict[str, Any]]
    missing: list[str]
    duplicates: int


SENT = ("subscribe bob news", "run 1", "publish alice news hello", "run 1")


@command(examples=["events limit=5", Example("events kind=pubsub.deliver node=bob", SENT)])
async def events(
    lab: AsyncLab,
    kind: Kind | None = None,
    node: Annotated[NodeName | None, About("only this node's", "node")] = None,
    peer: Annotated[NodeName | None, About("only those with this peer", "node")] = None,
    topic: TopicName | None = None,
    since: Annotated[Seconds | None, About("only from this lab time on, in seconds", "number")] = None,
    until: Annotated[Seconds | None, About("only up to this lab time, in seconds", "number")] = None,
    ref: Annotated[Text | None, About("only those about this message or lookup")] = None,
    limit: Annotated[Count, About("show the last so many", "number")] = 20,
) -> Events:
    """List what happened, the newest last."""
    found = lab.events.filter(kind=kind, node=node, peer=peer, topic=topic, since=since, until=until, ref=ref)
    for name in (node, peer):
        if name is not None and not found and not is_peer_id(name) and not lab.events.filter(node=name):
            lab[name]  # UnknownNodeError: nothing happened, since there is no such node
    rows = Events(events=[event_row(event) for event in found[-limit:]], count=len(found))
    if isinstance(found, Nothing):
        rows["note"] = found.why
    return rows


@command(examples=["event_counts"])
async def event_counts(lab: AsyncLab) -> CountsResult:
    """Count what happened, by kind."""
    return CountsResult(counts=dict(sorted(lab.events.counts.items())))


@command(examples=["event_kinds"])
async def event_kinds(lab: AsyncLab) -> dict[str, str]:
    """Explain every kind of event."""
    return {name: kind.text for name, kind in KINDS.items()}


@command(examples=["why seq=0", Example("why kind=pubsub.deliver", SENT)])
async def why(
    lab: AsyncLab,
    seq: Seq | None = None,
    kind: Annotated[Kind | None, About("the last event of this kind, where no number is given", "kind")] = None,
    node: Annotated[NodeName | None, About("of this node", "node")] = None,
    ref: Annotated[Text | None, About("about this message or lookup")] = None,
) -> Causes:
    """Explain an event: the chain of its causes, oldest first."""
    if seq is not None:
        event = lab.events.by_seq(seq)
        if event is None:
            raise ValidationError(f"the log has no event {seq}; 'events' lists them")
    elif kind is None and ref is None:
        raise ValidationError("why needs seq=, the number of an event, or kind= or ref= to find one by")
    else:
        found = lab.events.filter(kind=kind, node=node, ref=ref)
        if not found:
            raise ValidationError(f"nothing in the log is like that: kind={kind}, node={node}, ref={ref}")
        event = found[-1]
    chain = lab.why(event)
    return Causes(causes=[event_row(link) for link in chain], note=chain.note)


@command(examples=["digest"])
async def digest(lab: AsyncLab) -> Digest:
    """Give the fingerprint of everything that happened: the same seed and script, the same digest."""
    return Digest(digest=lab.events.digest(), events=len(lab.events))


@command(examples=["export log.jsonl"])
async def export(
    lab: AsyncLab, path: Annotated[Text, About("a file's name that ends in .jsonl or .jsonl.gz", "file")]
) -> Exported:
    """Write the event log to a file."""
    if not path.endswith(SUFFIXES) or not path.isprintable():
        raise ValidationError(f"path={path!r} is refused; it must end in {' or '.join(SUFFIXES)}")
    folder = FilePath(path).parent
    if not folder.is_dir():
        raise ValidationError(f"path={path!r} is refused: there is no folder {str(folder)!r}")
    return Exported(path=str(lab.events.save(path)), events=len(lab.events))


@command(worlds="mock", examples=["history"])
async def history(lab: AsyncLab) -> CodeResult:
    """Give what was done to the lab so far as Python: in a fresh session it does the same, to the last event."""
    done = lab.history()
    return CodeResult(code=str(done), commands=len(done))


@command(examples=[Example("propagation", SENT)])
async def propagation(
    lab: AsyncLab, message: Annotated[Text | None, About("the message's id; left out: the last one published")] = None
) -> SpreadResult:
    """Show how a message spread: who got it, when, from whom, in how many hops."""
    if message is None:
        published = lab.events.filter(kind="pubsub.publish")
        if not published:
            raise ValidationError("nothing has been published in this lab yet")
        message = str(published[-1].ref)
    spread = lab.propagation(message)
    return SpreadResult(
        message=spread.message_id,
        topic=spread.topic,
        publisher=spread.publisher,
        deliveries=[
            {
                "node": one.node,
                "after": one.after,
                "from": one.received_from,
                "hops": one.hops,
                "duplicates": one.duplicates,
            }
            for one in spread.deliveries
        ],
        missing=list(spread.missing),
        duplicates=spread.duplicates,
    )
