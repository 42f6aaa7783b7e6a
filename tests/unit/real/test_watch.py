"""``p2plab watch``: what a node that runs elsewhere does, an event a line."""

from __future__ import annotations

import json
import threading

import pytest

from p2plab import Lab
from p2plab.cli import watching
from p2plab.cli.output import say
from p2plab.cli.parser import main
from tests.unit.real.test_diagnosis import SOMEBODY, closed_port

WAIT = 20.0


def test_a_node_elsewhere_is_watched_from_the_shell(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def say_until_it_is_closed(line: str) -> None:
        say(line)
        if '"connection.closed"' in line:
            raise KeyboardInterrupt

    monkeypatch.setattr(watching, "say", say_until_it_is_closed)
    with Lab("real", seed=3) as lab:
        alice = lab.start_node("alice")
        alice.subscribe("news")
        words = ["watch", alice.addresses[0], "--topic", "news", "--seconds", "60", "--json"]
        codes: list[int] = []
        watcher = threading.Thread(target=lambda: codes.append(main(words)))
        watcher.start()
        assert lab.run_until(lambda: alice.mesh("news"), timeout=WAIT)
        alice.publish("news", "hello")
        said: list[str] = []

        def heard() -> bool:
            said.append(capsys.readouterr().out)
            return "pubsub.deliver" in "".join(said)

        assert lab.run_until(heard, timeout=WAIT)
        for peer in alice.peers():  # whoever looks whether it is there, and the one that subscribes
            alice.disconnect(peer.peer_id)
        watcher.join(WAIT)
    assert codes == [0]
    told = [json.loads(line) for line in ("".join(said) + capsys.readouterr().out).splitlines()]
    first = told[0]
    assert (first["kind"], first["data"]["peer_id"]) == ("node.attached", str(alice.peer_id))
    name = first["node"]
    kinds = [event["kind"] for event in told if name in (event.get("node"), event.get("peer"))]
    assert len(kinds) == len(told)
    wanted = ["connection.opened", "identify.received", "pubsub.peer_subscribed", "pubsub.deliver"]
    assert [kind for kind in dict.fromkeys(kinds) if kind in wanted] == wanted
    assert "connection.closed" in kinds
    assert not [kind for kind in kinds if kind in ("stream.data", "stream.step", "connection.step")]


def test_a_node_that_cannot_be_watched_is_diagnosed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", f"/ip4/127.0.0.1/tcp/{closed_port()}/p2p/{SOMEBODY}"]) == 1
    assert "port: nothing listens at port" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["/ip4/127.0.0.1/tcp/4001"], "end it in /p2p/<peer id>"),
        (["alice"], "one begins with /"),
        ([f"/ip4/127.0.0.1/tcp/4001/p2p/{SOMEBODY}", "--seconds", "0"], "give a number above 0"),
    ],
)
def test_what_cannot_be_watched_is_refused(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", *words]) == 2
    assert told in capsys.readouterr().err
