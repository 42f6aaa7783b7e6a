"""Starting, listing and stopping nodes, and wiring them up."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from p2plab.commands.arguments import MOST_NODES, About, NodeNames, number
from p2plab.commands.table import Example, command
from p2plab.commands.verbs import LabVerbs, NodeVerbs, finished
from p2plab.errors import ValidationError

MOST_EDGES = 500_000  # that one command may wire: more would fill the memory

Name = Annotated[str, Field(min_length=1, max_length=64), About("1 to 64 printable characters, without a slash")]
HowMany = Annotated[
    int, BeforeValidator(number), Field(ge=0, le=MOST_NODES), About(f"a whole number, 0 to {MOST_NODES:,}", "number")
]


class NodeRow(TypedDict):
    """A node: its name, its peer id, whether it runs, its multiaddrs."""

    name: str
    peer_id: str
    running: bool
    addresses: list[str]


class Nodes(TypedDict):
    nodes: list[NodeRow]
    count: int


class Wired(TypedDict):
    """The pairs that are new, the dialler first."""

    edges: list[list[str]]
    count: int


class NodeId(TypedDict):
    node_id: str


class Running(TypedDict):
    name: str
    running: bool


def node_row(node: NodeVerbs) -> NodeRow:
    return NodeRow(name=node.name, peer_id=str(node.peer_id), running=node.running, addresses=list(node.addresses))


@command(verb="start_node", examples=["start_node dave", "start_node alice"])
async def start_node(
    lab: LabVerbs,
    name: Name,
    ip: Annotated[str | None, About("an IPv4 address, which several nodes may share (mock)")] = None,
    port: Annotated[int | None, About("a port of it; the next free one from 4001 on, if left out (mock)")] = None,
    region: Annotated[str | None, About("where in the world it is, where the network has regions (mock)")] = None,
) -> NodeRow:
    """Start a node, or give the one there is by that name."""
    settings = {key: value for key, value in (("ip", ip), ("port", port), ("region", region)) if value is not None}
    node: NodeVerbs = await finished(lab.start_node(name, **settings))
    return node_row(node)


@command(verb="start_nodes", examples=["start_nodes 3", "start_nodes 2 prefix=peer"])
async def start_nodes(lab: LabVerbs, count: HowMany, prefix: Name = "n") -> Nodes:
    """Start nodes n0, n1, ... up to a number, where they do not run yet."""
    nodes: list[NodeVerbs] = await finished(lab.start_nodes(count, prefix))
    return Nodes(nodes=[node_row(node) for node in nodes], count=len(nodes))


@command(examples=["nodes"])
async def nodes(lab: LabVerbs) -> Nodes:
    """List the lab's nodes, in the order in which they were started."""
    rows = [node_row(node) for node in lab.nodes]
    return Nodes(nodes=rows, count=len(rows))


@command(examples=["get_node_id", "libp2p_get_node_id bob"])
async def get_node_id(node: NodeVerbs) -> NodeId:
    """Give a node's peer id."""
    return NodeId(node_id=str(node.peer_id))


@command(examples=["node_info bob"])
async def node_info(node: NodeVerbs) -> NodeRow:
    """Describe a node: its peer id, its addresses, whether it runs."""
    return node_row(node)


@command(verb="wire", examples=["wire line", "wire random degree=2", "wire star nodes=alice,bob,carol"])
async def wire(
    lab: LabVerbs,
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
    return Wired(edges=[list(pair) for pair in pairs], count=len(pairs))


@command(examples=["edges"])
async def edges(lab: LabVerbs) -> Wired:
    """List who is connected to whom: sorted pairs of names."""
    pairs = lab.edges()
    return Wired(edges=[list(pair) for pair in pairs], count=len(pairs))


@command(verb="stop", examples=["stop carol"])
async def stop(node: NodeVerbs) -> Running:
    """Stop a node: it closes its connections and goes."""
    await finished(node.stop())
    return Running(name=node.name, running=node.running)


@command(verb="crash", examples=["crash carol"])
async def crash(
    node: NodeVerbs,
    silent: Annotated[bool, About("true: without even a reset of its connections (mock)", "flag")] = False,
) -> Running:
    """Take a node away without a goodbye."""
    node.crash(silent)
    return Running(name=node.name, running=node.running)


@command(verb="restart", examples=[Example("restart carol", ("crash carol",)), Example("restart bob", ("stop bob",))])
async def restart(
    node: NodeVerbs,
    state: Annotated[Literal["kept", "lost"], About("what became of all it knew")] = "kept",
    reconnect: Annotated[bool, About("whether it dials whom it had dialled before", "flag")] = True,
) -> Running:
    """Bring a node back that was stopped or crashed."""
    node.restart(state, reconnect)
    return Running(name=node.name, running=node.running)


class LabRow(TypedDict):
    """``now`` is in seconds of lab time."""

    backend: str
    seed: int
    nodes: int
    edges: int
    events: int
    now: float


@command(examples=["lab_info"])
async def lab_info(lab: LabVerbs) -> LabRow:
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


class Home(TypedDict):
    """``path`` is None where the lab has no home."""

    path: str | None
    nodes: list[HomeRow]


@command(worlds="real", examples=["home"])
async def home(lab: LabVerbs) -> Home:
    """List what is in the directory from which a real lab's nodes come back."""
    found = lab.home
    rows = [] if found is None else found.nodes
    return Home(
        path=None if found is None else found.path,
        nodes=[
            HomeRow(name=row.name, peer_id=str(row.peer_id), listen=list(row.listen), known_peers=row.known_peers)
            for row in rows
        ],
    )
