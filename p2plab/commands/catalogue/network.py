"""The simulated network: links, bandwidths, and what goes wrong on them. Rates are bytes a second."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from p2plab.commands.arguments import (
    MOST_SECONDS,
    About,
    Count,
    Groups,
    NodeName,
    NodeNames,
    Probability,
    Rate,
    Seconds,
    duration,
    number,
)
from p2plab.commands.table import Example, command
from p2plab.commands.verbs import LabVerbs
from p2plab.errors import ValidationError

Pair = Annotated[NodeNames | None, About("a,b: only the link between these two; left out: every link", "nodes")]
OneWay = Annotated[bool, About("true: only from the first to the others", "flag")]
Session = Annotated[
    float,
    BeforeValidator(duration),
    Field(ge=0.1, le=MOST_SECONDS, allow_inf_nan=False),
    About("a mean in seconds, 0.1 to 86,400", "number"),
]
Shape = Annotated[
    float, BeforeValidator(number), Field(ge=0.1, le=10, allow_inf_nan=False), About("0.1 to 10", "number")
]


class LinkRow(TypedDict):
    """A link, one way: times in seconds, chances from 0 to 1."""

    latency: float
    jitter: float
    distribution: str
    loss: float
    duplicate: float
    reorder: float


class Set(TypedDict):
    node: str
    up: float | None
    down: float | None


class Done(TypedDict):
    done: bool


class Cut(TypedDict):
    groups: list[list[str]]
    one_way: bool


class Released(TypedDict):
    frames: int


class Preset(TypedDict):
    name: str


@command(
    verb="network.set_link",
    worlds="mock",
    examples=["network_set_link latency=50ms jitter=10ms loss=0.01", "network_set_link between=alice,bob latency=0.2"],
)
async def network_set_link(
    lab: LabVerbs,
    between: Pair = None,
    one_way: OneWay = False,
    latency: Annotated[Seconds | None, About("seconds one way", "number")] = None,
    jitter: Annotated[Seconds | None, About("seconds by which the latency varies", "number")] = None,
    distribution: Annotated[
        Literal["uniform", "normal", "exponential", "pareto"] | None, About("how it varies")
    ] = None,
    loss: Probability | None = None,
    duplicate: Probability | None = None,
    reorder: Probability | None = None,
) -> LinkRow:
    """Change every link, or the one between two nodes; what is left out stays as it is."""
    settings: dict[str, Any] = {
        "latency": latency,
        "jitter": jitter,
        "distribution": distribution,
        "loss": loss,
        "duplicate": duplicate,
        "reorder": reorder,
    }
    given = {name: value for name, value in settings.items() if value is not None}
    if not given:
        raise ValidationError(f"network_set_link changes nothing without one of {', '.join(settings)}")
    lab.network.set_link(between, one_way, **given)
    link = lab.network.default_link if between is None else lab.network.link(*between)
    return LinkRow(
        latency=link.latency,
        jitter=link.jitter,
        distribution=link.distribution,
        loss=link.loss,
        duplicate=link.duplicate,
        reorder=link.reorder,
    )


@command(verb="network.set_node", worlds="mock", examples=["network_set_node alice up=1e6 down=2e6"])
async def network_set_node(lab: LabVerbs, node: NodeName, up: Rate | None = None, down: Rate | None = None) -> Set:
    """Limit a node's bandwidth, up and down."""
    lab.network.set_node(node, up, down)
    return Set(node=node, up=up, down=down)


@command(verb="network.preset", worlds="mock", examples=["network_preset wan", "network_preset regions"])
async def network_preset(
    lab: LabVerbs, name: Annotated[Literal["lan", "wan", "regions"], About("the kind of network")]
) -> Preset:
    """Give every link what is usual in a kind of network."""
    lab.network.preset(name)
    return Preset(name=name)


@command(
    verb="network.partition(*groups)",
    examples=["network_partition alice|bob,carol"],
)
async def network_partition(lab: LabVerbs, groups: Groups, one_way: OneWay = False) -> Cut:
    """Cut the network between groups of nodes; nodes in no group are not touched."""
    lab.network.partition(*groups, one_way=one_way)
    return Cut(groups=groups, one_way=one_way)


@command(verb="network.heal", examples=[Example("network_heal", ("network_partition alice|bob",))])
async def network_heal(lab: LabVerbs) -> Done:
    """Undo every partition."""
    lab.network.heal()
    return Done(done=True)


@command(verb="network.hold", worlds="mock", examples=["network_hold alice bob"])
async def network_hold(lab: LabVerbs, a: NodeName, b: NodeName, one_way: OneWay = False) -> Done:
    """Keep back what two nodes send each other, until it is released."""
    lab.network.hold(a, b, one_way)
    return Done(done=True)


@command(verb="network.release", worlds="mock", examples=[Example("network_release", ("network_hold alice bob",))])
async def network_release(lab: LabVerbs) -> Released:
    """Let go everything that was kept back."""
    return Released(frames=lab.network.release())


@command(verb="network.drop", worlds="mock", examples=["network_drop 1 between=alice,bob"])
async def network_drop(lab: LabVerbs, which: Count, between: Pair = None) -> Done:
    """Lose the next frames, so many of them."""
    lab.network.drop(which, between=between)
    return Done(done=True)


@command(verb="network.corrupt", worlds="mock", examples=["network_corrupt 1 between=alice,bob"])
async def network_corrupt(lab: LabVerbs, which: Count, between: Pair = None) -> Done:
    """Change the next frames on their way, so many of them; the receiver's cipher refuses them."""
    lab.network.corrupt(which, between=between)
    return Done(done=True)


@command(verb="network.delay", worlds="mock", examples=["network_delay 200ms 2 between=alice,bob"])
async def network_delay(lab: LabVerbs, seconds: Seconds, which: Count, between: Pair = None) -> Done:
    """Send the next frames later, so many of them."""
    lab.network.delay(seconds, which, between=between)
    return Done(done=True)


@command(verb="network.clear", worlds="mock", examples=[Example("network_clear", ("network_drop 5",))])
async def network_clear(lab: LabVerbs) -> Done:
    """Forget every drop, corrupt and delay that was asked for."""
    lab.network.clear()
    return Done(done=True)


@command(verb="network.churn", worlds="mock", examples=["network_churn up=60s down=30s nodes=carol"])
async def network_churn(
    lab: LabVerbs,
    model: Annotated[Literal["exponential", "weibull"], About("how sessions' lengths are spread")] = "exponential",
    nodes: Annotated[NodeNames | None, About("only these nodes; left out: all", "nodes")] = None,
    up: Session = 600.0,
    down: Session = 300.0,
    shape: Shape = 0.5,
) -> Done:
    """Let nodes come and go from now on."""
    lab.network.churn(model, nodes, up=up, down=down, shape=shape)
    return Done(done=True)
