"""What a DHT server answers (kad-dht/README.md, "RPC messages"; ipfs/specs routing/kad-dht, "Server behavior").

- A request that breaks a rule gets no answer (None: the stream is closed without one), and an event that says why.
- Closer peers are the k closest of the routing table, without the asker and without this node, the next closest in
  their place; where the key is the very id of one of the two, that peer is named in addition (ipfs/specs).
- FIND_NODE also names the very peer that is looked for where this node is connected to it, though it be a client.
- A value is stored if its namespace's validator accepts it and prefers it to the one held.
- An ADD_PROVIDER counts only for the sender, and nothing is said to it. ipfs/specs has the server send it back, and
  ``DhtParams.echo_add_provider`` does; but go-libp2p's and js-libp2p's servers do not, and go-libp2p's client, which
  reads no answer and uses the stream again, would take each answer for that to its next request, and crash.
- PING is answered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from p2plab.identity.cid import is_multihash
from p2plab.kademlia.key import kademlia_key
from p2plab.kademlia.messages import (
    ADD_PROVIDER,
    FIND_NODE,
    GET_PROVIDERS,
    GET_VALUE,
    PING,
    PUT_VALUE,
    SILENCE,
    DhtMessage,
    DhtRecord,
    type_name,
)
from p2plab.kademlia.operations import Effects, note
from p2plab.kademlia.storage.records import key_text

if TYPE_CHECKING:
    from p2plab.kademlia.node import KademliaNode

__all__ = ["answer"]


def answer(node: KademliaNode, sender: int, message: DhtMessage, now: int, out: Effects) -> DhtMessage | None:
    """The answer to a request, or SILENCE; None refuses it."""
    if node.mode == "client":
        return _refuse(out, sender, message, "client mode")
    serve = _SERVE.get(message.type)
    if serve is None:
        return _refuse(out, sender, message, "unknown message type")
    if message.type != PING and not 0 < len(message.key) <= node.params.max_key_size:
        return _refuse(out, sender, message, "bad key", bytes=len(message.key), limit=node.params.max_key_size)
    return serve(node, sender, message, now, out)


def _refuse(out: Effects, sender: int, message: DhtMessage, reason: str, **numbers: Any) -> DhtMessage | None:
    data = {"type": type_name(message.type), **numbers}
    if message.key:
        data["key"] = key_text(message.key)
    out.append(note("dht.refused", sender, reason=reason, data=data))
    return None


def _find_node(node: KademliaNode, sender: int, message: DhtMessage, now: int, out: Effects) -> DhtMessage:
    closer = _closer(node, sender, message.key)
    sought = node.contact_at(kademlia_key(message.key))
    if sought is not None and sought not in closer:
        closer.insert(0, sought)
    return DhtMessage(FIND_NODE, message.key, closer=closer)


def _closer(node: KademliaNode, sender: int, key: bytes) -> list[int]:
    """The peers that an answer to ``sender`` names as closer to the key."""
    target, k, keys = kademlia_key(key), node.params.k, node.space.keys
    closer = node.table.closest(target, k + 1)
    if sender in closer:
        closer.remove(sender)
    else:
        del closer[k:]
    if target == keys[node.me]:
        closer.insert(0, node.me)
    elif target == keys[sender]:
        closer.insert(0, sender)
    return closer


def _get_value(node: KademliaNode, sender: int, message: DhtMessage, now: int, out: Effects) -> DhtMessage:
    value = node.own_value(message.key, now)
    record = None
    if value is not None:
        stored = node.store.get_value(message.key, now)
        record = DhtRecord(message.key, value, node.date(stored.received) if stored else "")
    return DhtMessage(GET_VALUE, message.key, record, _closer(node, sender, message.key))


def _put_value(node: KademliaNode, sender: int, message: DhtMessage, now: int, out: Effects) -> DhtMessage | None:
    record, params = message.record, node.params
    if record is None or record.key != message.key:
        return _refuse(out, sender, message, "bad record")
    if len(record.value) > params.max_value_size:
        return _refuse(out, sender, message, "value too large", bytes=len(record.value), limit=params.max_value_size)
    if node.validator_for(message.key) is None:
        return _refuse(out, sender, message, "unknown namespace")
    problem = node.problem_with(message.key, record.value, now)
    if problem:
        return _refuse(out, sender, message, "invalid record", text=problem)
    held = node.own_value(message.key, now)
    if held is not None and held != record.value and node.best_of(message.key, [record.value, held]) != record.value:
        return _refuse(out, sender, message, "worse record")
    if not node.keep(message.key, record.value, now, out, sender):
        return _refuse(out, sender, message, "store full", limit=params.max_values)
    return DhtMessage(PUT_VALUE, message.key, record)


def _add_provider(node: KademliaNode, sender: int, message: DhtMessage, now: int, out: Effects) -> DhtMessage | None:
    if not is_multihash(message.key):
        return _refuse(out, sender, message, "bad key", bytes=len(message.key))
    own = [addresses for peer, addresses in message.providers if peer == sender]
    if not own:
        return _refuse(out, sender, message, "not the provider", announced=len(message.providers))
    try:
        gone = node.store.add_provider(message.key, sender, own[0], now)
    except OverflowError:
        return _refuse(out, sender, message, "store full", limit=node.params.max_provider_keys)
    out.append(note("dht.provider_added", sender, data={"key": message.key.hex()}))
    if gone is not None:
        out.append(note("dht.record_evicted", reason="store full", data={"key": gone.hex(), "kind": "provider"}))
    if not node.params.echo_add_provider:
        return SILENCE
    return DhtMessage(ADD_PROVIDER, message.key, providers=((sender, own[0]),))


def _get_providers(node: KademliaNode, sender: int, message: DhtMessage, now: int, out: Effects) -> DhtMessage:
    providers = node.store.providers(message.key, now)
    return DhtMessage(GET_PROVIDERS, message.key, None, _closer(node, sender, message.key), providers)


def _ping(node: KademliaNode, sender: int, message: DhtMessage, now: int, out: Effects) -> DhtMessage:
    return DhtMessage(PING)


_Serve = Callable[["KademliaNode", int, DhtMessage, int, Effects], "DhtMessage | None"]
_SERVE: Final[dict[int, _Serve]] = {
    FIND_NODE: _find_node,
    GET_VALUE: _get_value,
    PUT_VALUE: _put_value,
    ADD_PROVIDER: _add_provider,
    GET_PROVIDERS: _get_providers,
    PING: _ping,
}
