"""A node of the DHT, sans-I/O: its routing table, its store, the operations under way, and what it answers.

It is given requests, answers, failures and the time, and returns effects: requests to send (Ask), what happened and
why (Note), operations that are over (OperationDone). ``shell/interface.py`` carries them out. Rules:

- A peer enters the routing table when it has answered, or when the host says that it is connected and speaks the DHT;
  being named by somebody is not enough. A peer that fails to answer leaves it at once (ipfs/specs routing/kad-dht,
  "Routing Table Refresh": unresponsive peers must go), and one that waited takes its place.
- When a bucket is full and somebody new comes, the longest silent peer is asked whether it lives, unless it was heard
  of within ``check_after``; at most k times a bucket in that time, and not for somebody who was connected for one
  request only: a check is itself such a request, and would be answered by checks of the next node without end.
- Peers that failed more often than they answered are asked last, if ``success_rates`` is on.
- Where the table holds fewer than k peers, connected servers help out as seeds, so that a node which lost everybody
  (a partition) finds its way back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

from p2plab.chance import stream_of
from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import LabError, ValidationError
from p2plab.errors.overrides import guard_overrides
from p2plab.kademlia import serving
from p2plab.kademlia.answers import ANSWERS
from p2plab.kademlia.key import KeySpace
from p2plab.kademlia.lookups.eclipse import SizeEstimate
from p2plab.kademlia.lookups.lookup import SuccessRates
from p2plab.kademlia.messages import DhtMessage
from p2plab.kademlia.operations import CausedEffects, Check, Effects, LookupOperation, Operation, note
from p2plab.kademlia.params import DhtParams, ticks
from p2plab.kademlia.storage.datastore import DHTDatastore
from p2plab.kademlia.storage.records import Validator, check_record, judge, key_text, namespace_of, validators_for
from p2plab.kademlia.storage.rfc3339 import NANOSECONDS, date_text
from p2plab.kademlia.table.routing_table import KademliaRoutingTable
from p2plab.kademlia.upkeep import Upkeep
from p2plab.text import RAISABLE, plural, said_by
from p2plab.typing import Chance

__all__ = ["KademliaNode"]

_INPUTS: Final[dict[str, Callable[[], Any]]] = {
    **dict.fromkeys(("gone", "peer_connected", "peer_seen", "reachability", "set_mode"), list),
    **dict.fromkeys(("observe", "forget", "peer_disconnected"), lambda: None),
    "answer": lambda: (None, []),
    "keep": lambda: False,
}


def _broken_off(
    event: int, node: KademliaNode, now: int, *operations: Operation, out: Effects | None = None
) -> Effects:
    """End operations because a user's core raised, which is ``event``; the effects, added to ``out`` where given."""
    effects: Effects = CausedEffects(event) if out is None else out
    for operation in operations:
        operation.broken_off(node, now, effects)
    return effects


_ENDS: Final[dict[str, Callable[..., Effects]]] = {
    "answered": lambda event, node, operation, peer, reply, now: _broken_off(event, node, now, operation),
    "begin": lambda event, node, operation, now, out=None: _broken_off(event, node, now, operation, out=out),
    "expire": lambda event, node, operation, now: _broken_off(event, node, now, operation),
    "failed": lambda event, node, operation, peer, why, now, text="": _broken_off(event, node, now, operation),
    "restarted": lambda event, node, keep, now: _broken_off(event, node, now, *node.operations),
}


class KademliaNode:
    """``me`` is the node's index in ``space``; ``epoch`` the unix time, in seconds, of tick 0; ``mode`` is ``client``
    or ``server`` (a node of mode ``auto`` begins as a client, until it is found to be reachable)."""

    __slots__ = (
        "_contact_keys",
        "_epoch",
        "_number",
        "_rates",
        "contacts",
        "me",
        "mode",
        "operations",
        "params",
        "raised",
        "random",
        "sizes",
        "space",
        "store",
        "table",
        "upkeep",
        "validators",
    )

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        guard_overrides(cls, _INPUTS, _ENDS, ANSWERS)

    def __init__(
        self,
        me: int,
        space: KeySpace,
        params: DhtParams | None = None,
        *,
        random: Chance | None = None,
        store: DHTDatastore | None = None,
        epoch: float = 0.0,
    ) -> None:
        # Told what a user's subclass or validator raised.
        self.raised: Callable[[str, BaseException], int] | None = None
        self.me = me
        self.space = space
        self.params = params if params is not None else DhtParams()
        self.random: Chance = random if random is not None else stream_of(me, "dht")
        self.table = KademliaRoutingTable(me, space, self.params)
        self.store = store if store is not None else DHTDatastore(space.keys[me], self.params)
        self.validators: dict[str, Validator] = validators_for(self.params.protocol, self.params.validators)
        self.mode: Literal["client", "server"] = "server" if self.params.mode == "server" else "client"
        self.contacts: dict[int, bool] = {}  # connected peers, and whether each is a server
        self.operations: dict[Operation, None] = {}  # under way
        self.upkeep = Upkeep(self)
        self.sizes = SizeEstimate()
        self._contact_keys: dict[int, int] = {}
        self._epoch = round(epoch * TICKS_PER_SECOND)
        self._rates = SuccessRates()
        self._number = 0

    # -- operations

    def begin(self, operation: Operation, now: int, out: Effects | None = None) -> Effects:
        """Start an operation; the effects, added to ``out`` where it is given."""
        effects: Effects = [] if out is None else out
        operation.ref = f"dht-{self.me}-{self._number}"
        self._number += 1
        operation.started = now
        self.operations[operation] = None
        operation.start(self, now, effects)
        return effects

    def answered(self, operation: Operation, peer: int, reply: DhtMessage, now: int) -> Effects:
        """A request of this operation was answered."""
        out: Effects = []
        if operation.ended < 0:
            operation.answered(self, peer, reply, now, out)
        self._lives(peer, now, out)
        return out

    def failed(self, operation: Operation, peer: int, why: str, now: int, text: str = "") -> Effects:
        """A request of this operation came to nothing. ``why`` is one of the reasons in events/kinds: ``timeout``,
        ``unreachable peer``, ``stream broken``, ``no answer given``, ``bad answer``,
        ``record refused``, or ``client``: the peer was
        reached and does not speak the protocol. ``text`` says more."""
        out: Effects = []
        data = {"text": text[:200]} if text else None
        out.append(note("dht.query_failed", peer, ref=operation.ref, reason=why, data=data))
        if why == "record refused":
            self._lives(peer, now, out)
        else:
            self.gone(peer, "client" if why == "client" else "did not answer", now, out)
        if operation.ended < 0:
            operation.failed(self, peer, why, now, out)
        return out

    def expire(self, operation: Operation, now: int) -> Effects:
        """An operation's time is over: it ends with what there is."""
        out: Effects = []
        if operation.ended < 0:
            operation.stop(self, "lookup timeout", now, out)
        return out

    def observe(self, operation: LookupOperation) -> None:
        """For operations: a lookup for a key that nobody chose is over, and shows how many peers there are."""
        closest = operation.lookup.closest() if operation.lookup is not None else []
        if len(closest) == self.params.k:
            keys = self.space.keys
            self.sizes.observe([keys[peer] ^ operation.target for peer in closest])

    def forget(self, operation: Operation) -> None:
        """For operations: one is over."""
        self.operations.pop(operation, None)

    # -- requests of others

    def answer(self, sender: int, message: DhtMessage, now: int) -> tuple[DhtMessage | None, Effects]:
        """The answer to a request (SILENCE: none is due; None: close the stream without one), and what happened."""
        out: Effects = []
        self.table.heard(sender, now)
        return serving.answer(self, sender, message, now, out), out

    # -- peers

    def peer_connected(self, peer: int, server: bool, now: int) -> Effects:
        """A peer is connected, and identify said whether it is a DHT server."""
        out: Effects = []
        self.contacts[peer] = server
        self._contact_keys[self.space.keys[peer]] = peer
        if server:
            self._lives(peer, now, out)
            self.upkeep.peer_came(now)
        else:
            self.gone(peer, "client", now, out)
        return out

    def peer_seen(self, peer: int, server: bool, now: int) -> Effects:
        """A peer was connected for the length of a request, and identify said whether it is a DHT server."""
        out: Effects = []
        if server:
            self._lives(peer, now, out, briefly=True)
        else:
            self.gone(peer, "client", now, out)
        return out

    def peer_disconnected(self, peer: int) -> None:
        """A peer is connected no more; it may stay in the table."""
        if self.contacts.pop(peer, None) is not None:
            del self._contact_keys[self.space.keys[peer]]

    def contact_at(self, key: int) -> int | None:
        """The connected peer whose Kademlia key this is."""
        return self._contact_keys.get(key)

    def seeds(self, target: int) -> list[int]:
        """Whom to ask first about a key."""
        seeds = self.table.closest(target)
        if len(seeds) < self.params.k and self.contacts:
            keys = self.space.keys
            known = set(seeds)
            more = [peer for peer, server in self.contacts.items() if server and peer not in known]
            seeds = sorted([*seeds, *more], key=lambda peer: keys[peer] ^ target)[: self.params.k]
        return seeds

    def more_seeds(self, target: int) -> list[int]:
        """Everybody the table holds, nearest first: for a lookup whose seeds have all failed."""
        return self.table.closest(target, len(self.table))

    def _lives(self, peer: int, now: int, out: Effects, briefly: bool = False) -> None:
        """A server has shown that it lives."""
        self._rates.answered(peer)
        if self.table.heard(peer, now):
            return
        verdict = self.table.add(peer, now)
        if verdict.inserted:
            room = {"bucket": verdict.bucket, "size": verdict.size}
            out.append(note("dht.inserted", peer, reason="room", data=room))
            return
        if verdict.reason in ("bucket full", "ip limit of the bucket", "ip limit of the table"):
            data: dict[str, object] = {"bucket": verdict.bucket, "size": verdict.size}
            if verdict.group is not None:
                data.update(group=verdict.group, members=verdict.members)
            out.append(note("dht.rejected", peer, reason=verdict.reason, data=data))
        if verdict.suspect >= 0 and not briefly and self._is_due(verdict.bucket, verdict.suspect, now):
            self.table.checking(verdict.suspect, now)
            self.begin(Check(self.space.binary(self.me), [verdict.suspect]), now, out)

    def _is_due(self, bucket: int, suspect: int, now: int) -> bool:
        """Whether the longest silent peer of a bucket is to be checked for a newcomer's sake."""
        age = self.params.check_after
        if age is None or self.table.silence(suspect, now) < ticks(age):
            return False
        last = self.table.buckets[bucket].checked
        return last < 0 or now - last >= ticks(age) // self.params.k

    def gone(self, peer: int, reason: str, now: int, out: Effects | None = None) -> Effects:
        """A peer did not answer, is a client, or is known to be gone: it leaves the table."""
        effects: Effects = [] if out is None else out
        if reason != "client" and self.params.success_rates:
            self._rates.failed(peer)
        bucket = self.table.index_of(peer) if peer != self.me else -1
        removed, replacement = self.table.remove(peer)
        if removed:
            data: dict[str, object] = {"bucket": bucket, "size": len(self.table.buckets[bucket].peers)}
            if replacement >= 0:
                data["replaced_by"] = self.space.info(replacement).name
            effects.append(note("dht.evicted", peer, reason=reason, data=data))
            if replacement >= 0:
                put = {"bucket": bucket, "size": len(self.table.buckets[bucket].peers)}
                effects.append(note("dht.inserted", replacement, reason="replacement", data=put))
        return effects

    def doubts(self, peer: int) -> bool:
        """Whether a peer has failed more often than it has answered since it first failed."""
        return self._rates.doubts(peer)

    # -- records

    def validator_for(self, key: bytes) -> Validator | None:
        """The validator of a key's namespace; None for an unknown one, or for a key that is no record's."""
        try:
            return self.validators.get(namespace_of(key))
        except ValidationError:
            return None

    def problem_with(self, key: bytes, value: bytes, now: int) -> str:
        """What is wrong with a value under a key; empty where nothing is."""
        validator = self.validator_for(key)
        if validator is None:
            return f"no validator knows the namespace of {key_text(key)}"
        try:
            judge(validator, key, value, self.unix_time(now))
        except LabError as error:
            return str(error) or type(error).__name__
        except RAISABLE as error:
            self._raised("validate", validator, error)
            return f"its validator raised {type(error).__name__}: {said_by(error)}"
        return ""

    def best_of(self, key: bytes, values: Sequence[bytes]) -> bytes:
        """The best of some valid values, as the validator of their namespace has it."""
        validator = self.validator_for(key)
        if validator is None or len(values) < 2:
            return values[0]
        try:
            return values[validator.select(key, values)]
        except RAISABLE as error:
            self._raised("select", validator, error)
            return values[0]

    def _raised(self, method: str, validator: Validator, error: BaseException) -> None:
        if self.raised is None:
            raise error
        self.raised(f"{type(validator).__name__}.{method}", error)

    def own_value(self, key: bytes, now: int, refused: list[str] | None = None) -> bytes | None:
        """The value this node holds under a key, if it has not ended and is still valid; what is wrong with one that is
        not goes to ``refused``."""
        stored = self.store.get_value(key, now)
        problem = "" if stored is None else self.problem_with(key, stored.value, now)
        if problem and refused is not None:
            refused.append(problem)
        return stored.value if stored is not None and not problem else None

    def keep(self, key: bytes, value: bytes, now: int, out: Effects, sender: int = -1) -> bool:
        """Store a value here; False where the store is full of records that are closer to the node."""
        try:
            gone = self.store.put_value(key, value, now)
        except OverflowError:
            return False
        data = {"key": key_text(key), "bytes": len(value)}
        out.append(note("dht.stored", sender, data=data))
        if gone is not None:
            evicted = {"key": key_text(gone), "kind": "value"}
            out.append(note("dht.record_evicted", reason="store full", data=evicted))
        return True

    def check_record(self, key: bytes, value: bytes, now: int) -> None:
        """ValidationError where this node would not put this value under this key, saying why."""
        most = self.params.max_key_size, self.params.max_value_size
        check_record(key, value, self.validators, *most, self.unix_time(now))
        held = self.own_value(key, now)
        if held is not None and held != value and self.best_of(key, [value, held]) != value:
            raise ValidationError(f"{key_text(key)}: the value held already is better than this one, and stays")

    # -- time and mode

    def unix_time(self, now: int) -> float:
        """Seconds since 1970 at a tick of this lab."""
        return (self._epoch + now) / TICKS_PER_SECOND

    def date(self, now: int) -> str:
        """The date of a tick, as records carry it."""
        return date_text((self._epoch + now) * (NANOSECONDS // TICKS_PER_SECOND))

    def reachability(self, public: bool | None, now: int) -> Effects:
        """The host has found that it can be reached from outside, or that it cannot (None: it does not know any
        more)."""
        if self.params.mode != "auto" or public is None:
            return []
        return self.set_mode("server" if public else "client", "reachable" if public else "not reachable")

    def set_mode(self, mode: str, reason: str = "requested") -> Effects:
        """Become a client or a server."""
        if mode not in ("client", "server"):
            raise ValidationError(f"a DHT node is a 'client' or a 'server', not {mode!r}")
        if mode == self.mode:
            return []
        self.mode = "client" if mode == "client" else "server"
        return [note("dht.mode", reason=reason, data={"mode": mode})]

    def restarted(self, keep: bool, now: int) -> Effects:
        """The node crashed and comes back: what was under way is over; table and store are kept or emptied."""
        out: Effects = []
        self.upkeep.stop()
        for operation in list(self.operations):
            operation.then = None
            operation.finish(self, "stopped", now, out)
        self.contacts.clear()
        self._contact_keys.clear()
        for bucket in self.table.buckets:
            bucket.checking = -1
        if not keep:
            self._rates.clear()
            self.table.clear()
            self.store.clear()
        return out

    def __repr__(self) -> str:
        peers = plural(len(self.table), "peer")
        return f"<KademliaNode {self.space.peer_id(self.me)!r}: {self.mode}, {peers}, {self.store!r}>"
