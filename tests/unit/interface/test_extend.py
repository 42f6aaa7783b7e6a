"""A protocol of one's own, on every node of a lab."""

from __future__ import annotations

import pytest

from p2plab import Lab
from p2plab.errors import ValidationError
from p2plab.stream import NetStream


class Shout:
    """Answers in capitals."""

    protocol = "/shout/1.0.0"

    async def handle(self, stream: NetStream) -> None:
        await stream.write((await stream.read()).upper())


def test_every_node_answers_it_those_to_come_too(lab: Lab) -> None:
    alice = lab.start_node("alice")
    lab.extend(Shout())
    bob = lab.start_node("bob")
    for asker, asked in ((alice, bob), (bob, alice)):
        stream = asker.open_stream(asked, "/shout/1.0.0")
        stream.write(b"hello")
        assert stream.read() == b"HELLO"
        stream.close()
        assert "/shout/1.0.0" in asked.protocols()


def test_an_id_and_a_function_do_too(lab: Lab) -> None:
    async def echo(stream: NetStream) -> None:
        await stream.write(await stream.read())

    alice, bob = lab.start_nodes(2)
    lab.extend("/echo/1.0.0", echo)
    stream = alice.open_stream(bob, "/echo/1.0.0")
    stream.write(b"hello")
    assert stream.read() == b"hello"


@pytest.mark.parametrize("bad", [42, "/echo/1.0.0", object()])
def test_what_is_no_protocol_is_refused(lab: Lab, bad: object) -> None:
    with pytest.raises(ValidationError):
        lab.extend(bad)
