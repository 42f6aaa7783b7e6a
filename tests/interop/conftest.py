"""Every test in this folder talks to another implementation of libp2p on the loopback.

A lab, a node of the other implementation attached to it, and a node of the lab that is connected with it serve all
tests of a transport: starting them is what takes the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from p2plab import Lab, Node
from p2plab.api.faces.outside import AttachedNode
from p2plab.constants import LAB_KAD_ID
from p2plab.kademlia import DhtParams
from p2plab.stream import NetStream
from tests.interop.outsider import Outsider
from tests.interop.provide import HERE, go_node, js_node, missing_go

ECHO = "/echo/1.0.0"
# What a node of the other implementation listens at, and the settings of the lab that it meets.
MEETINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "tcp": ("/ip4/127.0.0.1/tcp/0", {}),
    "tls": ("/ip4/127.0.0.1/tcp/0", {"security": "tls"}),
    "ws": ("/ip4/127.0.0.1/tcp/0/ws", {"transports": ["ws"]}),
    "cores": ("/ip4/127.0.0.1/tcp/0", {"dht": DhtParams(), "pubsub": "p2plab"}),
}


@dataclass(frozen=True, slots=True)
class Meeting:
    """``theirs`` is the process of the other implementation, ``ext`` the same node attached to the lab, and ``alice``
    a node of the lab that has dialled it."""

    lab: Lab
    theirs: Outsider
    ext: AttachedNode
    alice: Node


@pytest.fixture(scope="session", params=["js", pytest.param("go", marks=pytest.mark.slow)])
def command(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What starts a node of the other implementation."""
    if request.param == "js":
        return js_node()
    missing = missing_go()
    if missing is not None:
        pytest.skip(missing)
    return go_node(tmp_path_factory.mktemp("go"))


@pytest.fixture(scope="session", params=list(MEETINGS))
def meeting(command: list[str], request: pytest.FixtureRequest) -> Iterator[Meeting]:
    async def echo(stream: NetStream) -> None:
        while data := await stream.read():
            await stream.write(data)

    listen, settings = MEETINGS[request.param]
    with ExitStack() as stack:
        theirs = Outsider(command, [listen], LAB_KAD_ID, HERE, security=settings.get("security", "noise"))
        stack.callback(theirs.end)
        lab = stack.enter_context(Lab("real", seed=7, **settings))
        alice = lab.start_node("alice")
        alice.handle(ECHO, echo)
        ext = lab.attach(theirs.addresses[0])
        connection = alice.connect(ext)
        assert connection.transport == settings.get("transports", ["tcp"])[0]
        assert connection.security == settings.get("security", "noise")
        yield Meeting(lab, theirs, ext, alice)
