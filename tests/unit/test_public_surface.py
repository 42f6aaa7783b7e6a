"""The contract of names: what users, notebooks and other people's tests may import, and what importing it costs.

That every ``__all__`` agrees with its module's text is tested in test_public_names; here the modules are imported.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

import p2plab
from p2plab import AsyncLab, AsyncNode, Lab, Node

PROMISED = {
    "p2plab": ["AsyncLab", "HAS_LIBP2P", "Lab", "sleep", "sweep"],
    "p2plab.admission": ["Gate", "Limit", "Limits", "Request", "Rule", "Watermarks"],
    "p2plab.stream": ["INetStream", "NetStream", "StreamError", "StreamHandler"],
    "p2plab.pubsub": [
        "FloodSub",
        "GossipSub",
        "GossipSubParams",
        "Message",
        "PubSubManager",
        "Subscription",
        "Topic",
        "TopicValidator",
    ],
    "p2plab.kademlia": [
        "ALPHA_VALUE",
        "DHTDatastore",
        "DhtParams",
        "KademliaNode",
        "KademliaRoutingTable",
        "K_VALUE",
    ],
    "p2plab.kademlia.network": ["KademliaNetworkInterface"],
    "p2plab.constants": ["GOSSIPSUB_IDS", "PING_ID"],
    "p2plab.typing": ["Connection", "Host", "PeerId", "PeerInfo", "Runtime", "World"],
    "p2plab.errors": ["LabError", "ValidationError"],
}
HEAVY = [
    "IPython",
    "anyio",
    "asyncio",
    "bokeh",
    "cloudpickle",
    "cryptography",
    "google.protobuf",
    "ipywidgets",
    "libp2p",
    "multiaddr",
    "numpy",
    "pandas",
    "trio",
]
FEW = 100  # modules of p2plab's own that its front door may need


def modules() -> Iterator[ModuleType]:
    """Every module that can be imported here; those of the real world need py-libp2p."""
    for found in pkgutil.walk_packages(p2plab.__path__, "p2plab."):
        if found.name == "p2plab.__main__" or (found.name.startswith("p2plab.real") and not p2plab.HAS_LIBP2P):
            continue
        yield importlib.import_module(found.name)


@pytest.mark.dear
def test_every_name_that_a_module_declares_can_be_had() -> None:
    checked = 0
    for module in modules():
        for name in getattr(module, "__all__", ()):
            assert getattr(module, name, None) is not None, f"{module.__name__}.{name}"
            checked += 1
    assert checked > 200


@pytest.mark.parametrize("module", PROMISED)
def test_the_names_that_were_promised_are_there(module: str) -> None:
    found = importlib.import_module(module)
    assert set(PROMISED[module]) <= set(found.__all__)
    for name in PROMISED[module]:
        assert getattr(found, name) is not None


def test_the_building_blocks_are_what_the_nodes_are_made_of() -> None:
    from p2plab.kademlia import KademliaNode, KademliaRoutingTable
    from p2plab.pubsub import GossipSub, Message, PubSubManager, Subscription
    from p2plab.stream import NetStream

    with Lab(seed=7) as lab:
        alice, bob = lab.start_nodes(2)
        alice.connect(bob)
        host = lab.world.hosts()["n0"]
        assert isinstance(host.pubsub, PubSubManager)  # type: ignore[attr-defined]  # a mock host's
        assert isinstance(host.pubsub.router, GossipSub)  # type: ignore[attr-defined]
        news = alice.subscribe("news")
        assert isinstance(news, Subscription)
        assert isinstance(alice.publish("news", b"x"), Message)
        assert isinstance(alice.dht.routing_table(), KademliaRoutingTable)
        assert isinstance(host.dht.core, KademliaNode)  # type: ignore[attr-defined]
        streams: list[object] = []

        async def handler(stream: NetStream) -> None:
            streams.append(stream)

        bob.handle("/note/1.0.0", handler)
        alice.open_stream(bob, "/note/1.0.0").read()
        assert isinstance(streams[0], NetStream)


VERBS = {
    Lab: [
        *("start_node", "start_nodes", "wire", "run", "run_until", "step", "now", "play", "pause", "at", "every"),
        *("network", "nodes", "edges", "events", "why", "always", "eventually", "check", "compare", "snapshot"),
        *("restore", "history", "replay", "propagation", "execute_command", "dht", "extend", "graph", "console"),
        *("aio", "attach", "attached", "detach", "capture", "captures", "metrics", "close"),
    ],
    AsyncLab: ["start_node", "start_nodes", "wire", "sleep", "run", "run_until", "step", "play", "pause", "close"],
    Node: [
        *("name", "peer_id", "addresses", "connect", "disconnect", "ping", "identify", "peers", "connections"),
        *("subscribe", "publish", "topics", "mesh", "fanout", "scores", "add_validator", "handle", "open_stream"),
        *("dht", "crash", "restart", "request", "handle_request", "perf", "traffic", "metrics"),
    ],
    AsyncNode: ["connect", "disconnect", "ping", "identify", "subscribe", "publish", "handle", "open_stream", "dht"],
}


def test_the_verbs_that_were_promised_are_there_and_documented() -> None:
    for face, verbs in VERBS.items():
        for verb in verbs:
            assert getattr(face, verb).__doc__, f"{face.__name__}.{verb}"


def test_importing_p2plab_is_light() -> None:
    code = "import json, sys; from p2plab import *; print(json.dumps(sorted(sys.modules)))"
    code = code.replace("*", "AsyncLab, EventLog, Lab, execute_command, sleep")
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert loaded & set(HEAVY) == set()
    own = sorted(name for name in loaded if name.partition(".")[0] == "p2plab")
    assert "p2plab.mock" not in own
    assert "p2plab.real" not in own
    assert len(own) < FEW, own


@pytest.mark.dear
def test_rooms_are_there_after_importing_p2plab_alone() -> None:
    code = (
        "import p2plab; p2plab.attacks.eclipse_target; p2plab.pubsub.GossipSub; p2plab.kademlia.DhtParams; "
        "p2plab.scenarios, p2plab.exports.Capture, p2plab.real.pylibp2p.remedies.REMEDIES; p2plab.nonsense"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "AttributeError: module 'p2plab' has no attribute 'nonsense'"


@pytest.mark.dear
def test_a_mock_lab_needs_nothing_heavy_until_it_is_asked_for() -> None:
    code = """
import json, sys
from p2plab import Lab
with Lab(seed=7) as lab:
    lab.start_nodes(3)
    lab.wire("ring")
    lab.run(3)
print(json.dumps(sorted(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    heavy = set(HEAVY) - {"asyncio", "anyio", "cloudpickle"}
    assert set(json.loads(done.stdout)) & heavy == set()
