"""Starting, listing and stopping nodes, and wiring them up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from p2plab.commands.arguments import About, Name, NodeNames, listed, number
from p2plab.commands.rows import NodeRow, Wired, node_row, pair_rows
from p2plab.commands.running import finished
from p2plab.commands.table import command
from p2plab.errors import ValidationError

if TYPE_CHECKING:
    from p2plab.api.aio.lab import AsyncLab
    from p2plab.api.aio.node import AsyncNode

MOST_EDGES = 500_000  # that one command may wire: more would fill the memory


class NodeId(TypedDict):
    node_id: str


@command(
    verb="start_node",
    examples=["start_node dave", "start_node alice", "start_node erin role=pinner", "start_node fred transports=tcp"],
)
async def start_node(
    lab: AsyncLab,
    name: Name,
    ip: Annotated[str | None, About("an IPv4 address, which several nodes may share (mock)")] = None,
    port: Annotated[int | None, About("a port of it; the next free one from 4001 on, if left out (mock)")] = None,
    region: Annotated[str | None, About("where in the world it is, where the network has regions (mock)")] = None,
    role: Annotated[str | None, About("what it is there for: a role out of the lab's table")] = None,
    transports: Annotated[
        Annotated[list[str], BeforeValidator(listed), Field(min_length=1, max_length=16)] | None,
        About("over what it listens: tcp, quic, ...; several with commas"),
    ] = None,
) -> NodeRow:
    """Start a node, or give the one there is by that name."""
    given = (("ip", ip), ("port", port), ("region", region), ("role", role), ("transports", transports))
    settings = {key: value for key, value in given if value is not None}
    node: AsyncNode = await finished(lab.start_node(name, **settings))
    return node_row(node)


@command(examples=["get_node_id", "libp2p_get_node_id bob"])
async def get_node_id(node: AsyncNode) -> NodeId:
    """Give a node's peer id."""
    return NodeId(node_id=str(node.peer_id))


@command(examples=["node_info bob"])
async def node_info(node: AsyncNode) -> NodeRow:
    """Describe a node: its peer id, its addresses, whether it runs."""
    return node_row(node)


@command(verb="wire", examples=["wire line", "wire random degree=2", "wire star nodes=alice,bob,carol"])
async def wire(
    lab: AsyncLab,
    shape: Annotated[Literal["ring", "line", "star", "full", "random"], About("the shape of the graph")] = "random",
    degree: Annotated[
        Annotated[int, BeforeValidator(number), Field(ge=1)] | None,
        About("neighbours of each node in a random graph", "number"),
    ] = None,
    nodes: Annotated[NodeNames | None, About("only these nodes; left out: all", "nodes")] = None,
) -> Wired:
    """Connect nodes in a shape; the graph is always connected, and edges there are stay.

    A command wires at most 500,000 edges.
    """
    count = len(lab.nodes if nodes is None else nodes)
    wanted = count * (count - 1) // 2 if shape == "full" else count * (degree or 4) // 2
    if wanted > MOST_EDGES:
        raise ValidationError(
            f"wire {shape} over {count} nodes makes {wanted:,} edges, over the limit of {MOST_EDGES:,}; take random "
            "with a degree, or lab.wire in Python"
        )
    pairs: list[tuple[str, str]] = await finished(lab.wire(shape, degree, nodes))
    return pair_rows(pairs)


class LabRow(TypedDict):
    """``now`` is in seconds of lab time."""

    backend: str
    seed: int
    nodes: int
    edges: int
    events: int
    now: float


@command(examples=["lab_info"])
async def lab_info(lab: AsyncLab) -> LabRow:
    """Describe the lab: its world, its seed, and how much there is of it."""
    return LabRow(
        backend=lab.backend,
        seed=lab.seed,
        nodes=len(lab.nodes),
        edges=len(lab.edges()),
        events=len(lab.events),
        now=lab.now,
    )


class HomeRow(TypedDict):
    """A node of the lab's home: it comes back under its name, with its peer id, and listens there."""

    name: str
    peer_id: str
    listen: list[str]
    known_peers: int


class HomeResult(TypedDict):
    """``path`` is None where the lab has no home."""

    path: str | None
    nodes: list[HomeRow]


@command(worlds="real", examples=["home"])
async def home(lab: AsyncLab) -> HomeResult:
    """List what is in the directory from which a real lab's nodes come back."""
    found = lab.home
    rows = [] if found is None else found.nodes
    return HomeResult(
        path=None if found is None else found.path,
        nodes=[
            HomeRow(name=row.name, peer_id=str(row.peer_id), listen=list(row.listen), known_peers=row.known_peers)
            for row in rows
        ],
    )
