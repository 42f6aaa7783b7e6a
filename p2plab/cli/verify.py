"""``p2plab verify``: a check of everything, step by step, each of which does the real thing and looks at its effect.

A step that finds what it should not raises; its error is the reason shown. Whatever happens at one end is checked at
the other: a publication by who received it, an announcement by who finds it, a connection by both ends' peers.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from p2plab.api.backends import HAS_LIBP2P
from p2plab.api.blocking.lab import Lab
from p2plab.cli.output import say, say_json
from p2plab.errors import LabError
from p2plab.text import aligned, plural

PASSED: Final = "PASSED"
FAILED: Final = "FAILED"
SKIPPED: Final = "SKIPPED"
PATIENCE: Final = 20.0  # seconds of lab time after which what was waited for will not come any more
CONTENT: Final = b"what p2plab verify announces"


class CheckError(LabError):
    """A step found what it should not."""


@dataclass(frozen=True)
class VerifyStep:
    """What became of a step: PASSED, FAILED or SKIPPED, and why; ``seconds`` of wall time."""

    stage: str
    backend: str
    step: str
    status: str
    why: str
    seconds: float


Check = Callable[[Lab], str]
CHECKS: list[tuple[str, str, Check]] = []
PARTS: list[tuple[str, Callable[[], str]]] = []


def check(stage: str, what: str) -> Callable[[Check], Check]:
    """A step in a lab in which alice, bob and carol run, alice and bob connected, bob and carol too."""

    def add(function: Check) -> Check:
        CHECKS.append((stage, what, function))
        return function

    return add


def part(what: str) -> Callable[[Callable[[], str]], Callable[[], str]]:
    """A step that needs no lab."""

    def add(function: Callable[[], str]) -> Callable[[], str]:
        PARTS.append((what, function))
        return function

    return add


def need(condition: object, otherwise: str) -> None:
    """CheckError where the condition does not hold."""
    if not condition:
        raise CheckError(otherwise)


def await_(lab: Lab, condition: Callable[[], object], otherwise: str) -> None:
    """Let time pass until the condition holds. CheckError where it does not come to that."""
    need(lab.run_until(condition, timeout=PATIENCE), f"{otherwise}, after {PATIENCE:g} s")


def answer(lab: Lab, name: str, **arguments: Any) -> Any:
    """The result of a command. CheckError where it failed, or its envelope is not what it must be."""
    envelope = lab.execute_command(name, **arguments)
    need(envelope["success"], f"{name}: {envelope.get('error_type')}: {envelope.get('error')}")
    need(set(envelope) == {"success", "command", "timestamp", "time", "result"}, f"{name} gave {sorted(envelope)}")
    need(json.loads(json.dumps(envelope)) == envelope, f"{name} gave what is no plain JSON")
    return envelope["result"]


# -- components, which need no lab


@part("keys and peer ids")
def _keys() -> str:
    from p2plab.identity.keys import Identity, parse_peer_id, peer_id_of

    one, other = Identity.derive(7, "alice"), Identity.derive(7, "bob")
    need(one.peer_id == Identity.derive(7, "alice").peer_id, "the same seed and name gave another peer id")
    need(one.peer_id != other.peer_id, "two names gave the same peer id")
    need(peer_id_of(one.public_key) == one.peer_id, "a peer id is not that of its public key")
    need(parse_peer_id(str(one.peer_id)) == one.peer_id, "a peer id does not survive being read")
    return f"alice is {one.peer_id.short}"


@part("pubsub messages on the wire")
def _wire() -> str:
    from p2plab.pubsub.rpc import RPC, decode_rpc, encode_rpc

    sent = RPC(subscriptions=((True, "news"),))
    data = encode_rpc(sent)
    need(decode_rpc(data).subscriptions == sent.subscriptions, "an RPC came back otherwise")
    return plural(len(data), "byte")


@part("content ids")
def _cids() -> str:
    from p2plab.identity.cid import cid_of, multihash_of

    first, second = cid_of(CONTENT, version=0), cid_of(CONTENT)
    need(multihash_of(first) == multihash_of(second), "a CIDv0 and its CIDv1 gave two keys")
    return second


@part("the table of commands")
def _table() -> str:
    from p2plab.commands import TABLE, parse_line

    count = 0
    for command in list(TABLE.values()):
        for example in command.examples:
            parse_line(example.line)
            count += 1
    need(count > len(TABLE) / 2, f"only {count} examples for {len(TABLE)} commands")
    return f"{plural(len(TABLE), 'command')}, {plural(count, 'example')}"


@part("the same seed, the same digest")
def _determinism() -> str:
    digests = []
    for _ in range(2):
        with Lab(seed=7) as lab:
            nodes = lab.start_nodes(8)
            lab.wire("random", degree=3)
            for node in nodes:
                node.subscribe("news")
            lab.run(2)
            nodes[0].publish("news", "hello")
            lab.run(2)
            digests.append(lab.events.digest())
    need(digests[0] == digests[1], f"two runs gave {digests[0][:8]} and {digests[1][:8]}")
    return f"{digests[0][:8]}…"


# -- what both worlds must do


@check("commands", "commands that other libraries have under the same names")
def _compatible(lab: Lab) -> str:
    need(answer(lab, "libp2p_get_node_id", node="alice")["node_id"] == lab["alice"].peer_id, "another node's id")
    wanted = {
        "libp2p_get_peers": {"peers"},
        "list_known_peers": {"peers", "count"},
    }
    for name, keys in wanted.items():
        found = set(answer(lab, name, node="alice"))
        need(found == keys, f"{name} gave {sorted(found)}, not {sorted(keys)}")
    return "ids, peers and the address book"


@check("commands", "a command that fails says so and harms nothing")
def _failing(lab: Lab) -> str:
    envelope = lab.execute_command("libp2p_connect_peer", peer_addr="/ip4/zz/tcp/1")
    need(envelope["success"] is False, "dialling a broken address succeeded")
    need("result" not in envelope, "a failed command gave a result")
    need(lab["alice"].ping("bob") > 0, "afterwards alice could not ping bob")
    return f"{envelope['error_type']}"


@check("pubsub", "a message reaches who subscribed, and nobody else")
def _pubsub(lab: Lab) -> str:
    news, other = lab["bob"].subscribe("news"), lab["carol"].subscribe("sport")
    await_(lab, lambda: lab["alice"].topic_peers("news"), "alice never learnt that bob subscribes")
    result = answer(lab, "libp2p_publish", node="alice", topic="news", message="hello")
    need(result == {"published": True, "topic": "news", "message_size": 5}, f"publishing gave {result}")
    got = news.get(timeout=PATIENCE)
    need(got.data == b"hello" and got.sender == lab["alice"].peer_id, f"bob received {got}")
    need(not other.messages, "carol received a message of a topic that is not hers")
    return "bob received it, carol did not"


@check("content announcement", "what alice announces, carol finds")
def _announcement(lab: Lab) -> str:
    from p2plab.identity.cid import cid_of

    cid = cid_of(CONTENT)
    need(answer(lab, "libp2p_announce_content", node="alice", cid=cid) == {"announced": True, "cid": cid}, "not said")
    lookup = lab["carol"].dht.find_providers(cid)
    need([peer.name for peer in lookup.providers] == ["alice"], f"carol found {lookup.providers}: {lookup.why()}")
    return f"in {lookup.duration:.3f} s"


@check("connections", "both ends list each other, and no longer once one hangs up")
def _connections(lab: Lab) -> str:
    alice, carol = lab["alice"], lab["carol"]
    result = answer(lab, "libp2p_connect_peer", node="alice", peer_addr=carol.addresses[0])
    need(result == {"connected": True, "peer_id": carol.peer_id}, f"connecting gave {result}")
    need(carol.peer_id in [peer.peer_id for peer in alice.peers()], "alice does not list carol")
    await_(lab, lambda: alice.peer_id in [peer.peer_id for peer in carol.peers()], "carol does not list alice")
    alice.disconnect(carol)
    await_(lab, lambda: ("alice", "carol") not in lab.edges(), "the connection is still there")
    need(alice.peer_id not in [peer.peer_id for peer in carol.peers()], "carol still lists alice")
    return "connected and disconnected"


@check("connections", "ping and identify")
def _identify(lab: Lab) -> str:
    seconds = lab["alice"].ping("bob")
    info = lab["alice"].identify("bob")
    need(info.peer_id == lab["bob"].peer_id, f"bob said that it is {info.peer_id!r}")
    need("/ipfs/ping/1.0.0" in info.protocols, f"bob speaks {info.protocols}")
    return f"{seconds * 1000:.1f} ms"


@check("dht", "what alice puts, carol gets")
def _dht(lab: Lab) -> str:
    stored = lab["alice"].dht.put("/lab/verify", b"hello")
    need(stored.peers, f"nobody stored it: {stored.why()}")
    lookup = lab["carol"].dht.get("/lab/verify")
    need(lookup.value == b"hello", f"carol got {lookup.value!r}: {lookup.why()}")
    return f"stored at {plural(len(stored.peers), 'node')}, found in {lookup.duration:.3f} s"


@check("dht", "carol finds alice, whom she is not connected to")
def _find_peer(lab: Lab) -> str:
    lookup = lab["carol"].dht.find_peer(lab["alice"].peer_id)
    need(lookup.peer is not None and lookup.peer.peer_id == lab["alice"].peer_id, lookup.why())
    return plural(lookup.hops, "hop")


@check("streams", "bytes go there and come back")
def _streams(lab: Lab) -> str:
    async def shout(stream: Any) -> None:
        await stream.write((await stream.read()).upper())

    lab["bob"].handle("/shout/1.0.0", shout)
    with lab["alice"].open_stream("bob", ["/none/1.0.0", "/shout/1.0.0"]) as stream:
        need(stream.protocol == "/shout/1.0.0", f"they agreed on {stream.protocol}")
        stream.write(b"hello")
        need(stream.read() == b"HELLO", "the answer is not what bob's handler makes")
    return "/shout/1.0.0"


# -- doing it


def steps(backend: str) -> Iterator[VerifyStep]:
    """Every step, one after the other; ``backend`` is mock, real or both."""
    for what, action in PARTS:
        yield _done("components", "", what, action)
    for world in ("mock", "real"):
        if backend not in (world, "both"):
            continue
        missing = "" if world == "mock" or HAS_LIBP2P else "py-libp2p is not installed: pip install 'p2plab[real]'"
        if missing:
            yield from (VerifyStep(stage, world, what, SKIPPED, missing, 0.0) for stage, what, _ in CHECKS)
        else:
            yield from _in_world(world)


def _in_world(world: str) -> Iterator[VerifyStep]:
    for stage, what, function in CHECKS:

        def action(function: Check = function) -> str:
            with Lab(world, seed=7) as lab:
                for name in ("alice", "bob", "carol"):
                    lab.start_node(name)
                lab["alice"].connect("bob")
                lab["bob"].connect("carol")
                return function(lab)

        yield _done(stage, world, what, action)


def _done(stage: str, world: str, what: str, action: Callable[[], str]) -> VerifyStep:
    began = time.perf_counter()
    try:
        status, why = PASSED, action()
    except Exception as error:  # noqa: BLE001  whatever a step raises is why it failed
        status, why = FAILED, str(error) if isinstance(error, CheckError) else f"{type(error).__name__}: {error}"
    return VerifyStep(stage, world, what, status, why, time.perf_counter() - began)


def verify(backend: str, as_json: bool) -> int:
    """Take every step and print a table of them; 0 only where nothing failed."""
    done: list[VerifyStep] = []
    for step in steps(backend):
        done.append(step)
        if not as_json:
            say(f"{step.status:<8} {step.stage:<21} {step.backend:<5} {step.step}  ({step.why})")
    counts = {status: sum(step.status == status for step in done) for status in (PASSED, FAILED, SKIPPED)}
    if as_json:
        say_json({"passed": not counts[FAILED], "steps": [asdict(step) for step in done], "counts": counts})
    else:
        say(aligned([[status, str(count)] for status, count in counts.items()]))
    return 1 if counts[FAILED] else 0
