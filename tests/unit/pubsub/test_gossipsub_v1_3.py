"""gossipsub-v1.3.md: extensions; extensions/experimental/test-extension.md."""

from __future__ import annotations

from p2plab.pubsub import GossipSub, GossipSubParams
from p2plab.pubsub.rpc import RPC, Control
from tests.unit.pubsub.harness import Net
from tests.unit.pubsub.stand import V12, V13, Stand

WITH = GossipSubParams.spec(extensions=("testExtension",))
ANNOUNCED = ("testExtension",)


def test_extensions_are_announced_in_the_first_message_and_only_there() -> None:
    net = Net(encoded=True)
    for _ in range(2):
        net.add(GossipSub(WITH))
    net.nodes[0].subscribe("news")
    net.connect(0, 1)
    net.run(5)
    net.nodes[0].subscribe("more")
    net.run(5)
    for one, other in ((0, 1), (1, 0)):
        first, *rest = net.rpcs(one, other)
        assert first.control is not None
        assert first.control.extensions == ANNOUNCED
        assert all(rpc.control is None or rpc.control.extensions is None for rpc in rest)
    assert net.rpcs(0, 1)[0].subscriptions == ((True, "news"),)
    assert net.events("pubsub.penalty") == []


def test_when_both_have_the_test_extension_each_sends_its_message() -> None:
    net = Net(encoded=True)
    for params in (WITH, WITH, GossipSubParams.spec()):
        net.add(GossipSub(params))
    net.connect_all()
    net.run(5)
    said = sorted((one, other) for _, one, other, rpc in net.sent if rpc.test_extension)
    assert said == [(0, 1), (1, 0)]
    assert len(net.events("pubsub.extensions", reason="testExtension")) == 2


def test_extensions_are_not_announced_to_older_peers() -> None:
    stand = Stand(WITH)
    stand.add(1, protocol=V12)
    stand.add(2, protocol=V13)
    assert stand.router.hello(1) is None
    assert stand.router.hello(2) == Control(extensions=ANNOUNCED)


def test_announcing_them_again_is_misbehaviour() -> None:
    stand = Stand(WITH)
    stand.add(1, protocol=V13)
    stand.control(1, extensions=ANNOUNCED)
    assert stand.reasons("pubsub.penalty") == []
    stand.control(1, extensions=ANNOUNCED)
    assert stand.reasons("pubsub.penalty") == ["extensions announced again"]


def test_announcing_them_after_the_first_message_is_misbehaviour() -> None:
    stand = Stand(WITH)
    stand.add(1, protocol=V13)
    stand.rpc(1, RPC(subscriptions=((True, "news"),)))
    stand.control(1, extensions=ANNOUNCED)
    assert stand.reasons("pubsub.penalty") == ["extensions announced again"]
    assert not any(rpc.test_extension for _, rpc in stand.sent)


def test_unknown_extensions_are_ignored() -> None:
    stand = Stand(WITH)
    stand.add(1, protocol=V13)
    stand.control(1, extensions=())
    assert (stand.sent, stand.reasons("pubsub.penalty")) == ([], [])


def test_a_first_message_without_extensions_is_fine() -> None:
    stand = Stand(WITH)
    stand.add(1, protocol=V13)
    stand.rpc(1, RPC(subscriptions=((True, "news"),)))
    assert (stand.sent, stand.notes) == ([], [])
