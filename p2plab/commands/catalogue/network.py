"""The simulated network: links, bandwidths, and what goes wrong on them. Rates are bytes a second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from p2plab.commands.arguments import (
    MOST_SECONDS,
    About,
    NodeNames,
    OneWay,
    Pair,
    Probability,
    Seconds,
    duration,
    number,
)
from p2plab.commands.table import command
from p2plab.errors import ValidationError

if TYPE_CHECKING:
    from p2plab.api.aio.lab import AsyncLab
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


class Done(TypedDict):
    done: bool


@command(
    verb="network.set_link",
    worlds="mock",
    examples=["network_set_link latency=50ms jitter=10ms loss=0.01", "network_set_link between=alice,bob latency=0.2"],
)
async def network_set_link(
    lab: AsyncLab,
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
    reorder_delay: Annotated[Seconds | None, About("seconds by which what is reordered comes later", "number")] = None,
) -> LinkRow:
    """Change every link, or the one between two nodes; what is left out stays as it is."""
    settings: dict[str, Any] = {
        "latency": latency,
        "jitter": jitter,
        "distribution": distribution,
        "loss": loss,
        "duplicate": duplicate,
        "reorder": reorder,
        "reorder_delay": reorder_delay,
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


@command(verb="network.churn", worlds="mock", examples=["network_churn up=60s down=30s nodes=carol"])
async def network_churn(
    lab: AsyncLab,
    model: Annotated[Literal["exponential", "weibull"], About("how sessions' lengths are spread")] = "exponential",
    nodes: Annotated[NodeNames | None, About("only these nodes; left out: all", "nodes")] = None,
    up: Session = 600.0,
    down: Session = 300.0,
    shape: Shape = 0.5,
) -> Done:
    """Let nodes come and go from now on."""
    lab.network.churn(model, nodes, up=up, down=down, shape=shape)
    return Done(done=True)
