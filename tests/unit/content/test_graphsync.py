"""GraphSync: messages as they cross the wire, what both ends do with them, and what a hostile one gets for it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from p2plab.content.documents import node_value
from p2plab.content.effects import CutOff, Ready
from p2plab.content.graphsync import EVERYTHING, WalkLimits, everything
from p2plab.content.graphsync.asking import GraphSyncQuery
from p2plab.content.graphsync.messages import (
    CANCEL,
    DUPLICATE,
    MISSING,
    NEW,
    PRESENT,
    GraphSyncMessage,
    GraphSyncRequest,
    GraphSyncResponse,
    decode_message,
    encode_message,
)
from p2plab.content.graphsync.node import Effects, GraphSync, QueryChanged
from p2plab.content.graphsync.params import GraphSyncParams
from p2plab.content.importer import import_file, profile_named
from p2plab.content.store import BlockStore
from p2plab.effects import Note
from p2plab.errors import ProtocolViolation, ValidationError
from p2plab.identity import dag_cbor
from p2plab.identity.cid import Cid, cid_for

ALICE, BOB = 1, 2


class Pair:
    """Alice has blocks, bob asks for them; ``tamper`` may change what she says on its way."""

    def __init__(self, params: GraphSyncParams | None = None) -> None:
        self.alice, self.bob = GraphSync(BlockStore(), params), GraphSync(BlockStore(), params)
        self.notes: list[Note] = []
        self.messages: list[GraphSyncMessage] = []
        self.tamper: Callable[[GraphSyncMessage], GraphSyncMessage] = lambda message: message

    def file(self, size: int = 40_000) -> Cid:
        profile = replace(profile_named("unixfs-v1-2025"), chunk=4096, width=4)
        last = None
        for last in import_file([random.Random(size).randbytes(size)], profile):
            self.alice.store.put(last.cid, last.data)
        assert last is not None
        return last.cid

    def ask(self, root: Cid, selector: Any = EVERYTHING, do_not_send: list[Cid] | None = None) -> GraphSyncQuery:
        query, effects = self.bob.ask(ALICE, root, selector, do_not_send or [], 0, random.Random(1))
        self.note(effects)
        return query

    def note(self, effects: Effects) -> None:
        self.notes += [one for one in effects if isinstance(one, Note)]

    def run(self, most: int = 10_000) -> None:
        """Pass messages on, as bytes, until there are none."""
        for _ in range(most):
            to_alice, to_bob = self.bob.outgoing(ALICE), self.alice.outgoing(BOB)
            if to_alice is None and to_bob is None:
                return
            if to_alice is not None:
                self.note(self.bob.sent(ALICE))
                self.note(self.alice.received(BOB, decode_message(encode_message(to_alice)), 0))
            if to_bob is not None:
                to_bob = self.tamper(to_bob)
                self.messages.append(to_bob)
                self.note(self.alice.sent(BOB))
                self.note(self.bob.received(ALICE, decode_message(encode_message(to_bob)), 0))

    @property
    def kinds(self) -> list[str]:
        return [one.kind for one in self.notes]


def below(store: BlockStore, root: Cid) -> list[Cid]:
    """All blocks, as a walk comes to them."""
    found = [root]
    block = store.get(root)
    value = node_value(root, block) if block is not None else None
    for link in value["Links"] if isinstance(value, dict) else []:
        found += below(store, link["Hash"])
    return found


def test_everything_comes_in_the_order_of_the_walk_and_is_verified() -> None:
    pair = Pair(GraphSyncParams(message_target=9_000))
    root = pair.file()
    query = pair.ask(root)
    pair.run()
    wanted = below(pair.alice.store, root)
    assert (query.done, query.failure, query.status) == (True, None, 20)
    assert [cid for message in pair.messages for one in message.responses for cid, _ in one.meta] == wanted
    assert query.blocks == len(pair.bob.store) == len(set(wanted))
    assert [one.status for message in pair.messages for one in message.responses] == [14] * (len(pair.messages) - 1) + [
        20
    ]
    assert max(sum(len(data) for _, data in message.blocks) for message in pair.messages) < 9_000 + 4096
    assert pair.kinds[:2] == ["graphsync.asked", "graphsync.request"]
    assert pair.kinds.count("graphsync.answered") == 1


def test_a_selector_chooses_and_what_is_here_is_not_sent() -> None:
    pair = Pair()
    root = pair.file()
    cids = below(pair.alice.store, root)
    shallow = pair.ask(root, everything(4))
    pair.run()
    assert shallow.failure is None
    assert 1 < len(pair.bob.store) < len(set(cids))
    known = list(pair.bob.store.cids())
    rest = pair.ask(root, EVERYTHING, known)
    pair.run()
    assert (rest.failure, rest.local, rest.blocks) == (None, len(known), len(set(cids)) - len(known))
    assert sum(len(one.blocks) for one in pair.messages) == len(set(cids))
    actions = [action for one in pair.messages[-1].responses for _, action in one.meta]
    assert actions.count(DUPLICATE) == len(known)


def test_a_block_that_stands_there_twice_is_sent_once() -> None:
    pair = Pair()
    leaf = b"the same"
    document = dag_cbor.encode([cid_for(leaf)] * 3)
    root = cid_for(document, "dag-cbor")
    pair.alice.store.put(root, document)
    pair.alice.store.put(cid_for(leaf), leaf)
    query = pair.ask(root)
    pair.run()
    assert (query.failure, query.lines, query.blocks) == (None, 4, 2)
    assert len(pair.messages[0].blocks) == 2


def test_what_the_peer_lacks_is_said_and_what_is_here_below_it_is_walked() -> None:
    pair = Pair()
    root = pair.file()
    cids = below(pair.alice.store, root)
    gone = cids[1]  # a node with links
    for cid in set(below(pair.alice.store, gone)):
        block = pair.alice.store.get(cid)
        assert block is not None
        pair.bob.store.put(cid, block)
    pair.alice.store.delete([gone])
    query = pair.ask(root)
    pair.run()
    assert (query.failure, query.status) == (None, 21)
    assert len(pair.bob.store) == len(set(cids))
    other = Pair()
    root = other.file()
    other.alice.store.delete([cids[-1]])
    query = other.ask(root)
    other.run()
    assert query.failure == f"it has not got 1 of the blocks, {cids[-1]} among them"
    nothing = Pair()
    query = nothing.ask(root)
    nothing.run()
    assert query.failure == "it answered 34, not found"


def changed(
    message: GraphSyncMessage, meta: Any = None, blocks: Any = None, status: int | None = None
) -> GraphSyncMessage:
    first = message.responses[0]
    first = first._replace(
        meta=first.meta if meta is None else tuple(meta(list(first.meta))),
        status=first.status if status is None else status,
    )
    return message._replace(
        responses=(first,), blocks=message.blocks if blocks is None else tuple(blocks(list(message.blocks)))
    )


@pytest.mark.parametrize(
    ("tamper", "problem", "kept"),
    [
        (lambda one: changed(one, meta=lambda meta: [meta[0], *reversed(meta[1:])]), "comes next", 1),
        (lambda one: changed(one, meta=lambda meta: [*meta, meta[0]]), "nothing more is selected", 14),
        (lambda one: changed(one, meta=lambda meta: meta[:-2]), "its answer ends early", 12),
        (lambda one: changed(one, blocks=lambda blocks: blocks[:3]), "did not send it", 3),
        (
            lambda one: changed(one, blocks=lambda blocks: [blocks[0], (cid_for(b"x"), b"x"), *blocks[2:]]),
            "did not send it",
            1,
        ),
        (lambda one: changed(one, meta=lambda meta: [(cid, MISSING) for cid, _ in meta]), "comes next|nothing more", 0),
        (lambda one: changed(one, status=33), "33, refused for legal reasons", 14),
    ],
)
def test_an_answer_that_is_not_the_selectors_is_refused_where_it_stands(
    tamper: Callable[[GraphSyncMessage], GraphSyncMessage], problem: str, kept: int
) -> None:
    pair = Pair()
    root = pair.file()
    pair.tamper = tamper
    query = pair.ask(root)
    pair.run()
    assert query.failure is not None
    assert re.search(problem, query.failure)
    blocks = set(below(pair.alice.store, root))
    assert len(pair.bob.store) == kept
    assert all(cid in blocks for cid in pair.bob.store.cids())
    assert "graphsync.failed" in pair.kinds


def test_a_query_that_nobody_waits_for_is_cancelled() -> None:
    pair = Pair(GraphSyncParams(message_target=5_000))
    root = pair.file()
    query = pair.ask(root)
    pair.run(3)
    assert pair.alice.answering.count == 1
    pair.note(pair.bob.over(query))
    pair.run()
    assert pair.alice.answering.count == 0
    assert pair.kinds[-2:] == ["graphsync.cancelled", "graphsync.answered"]
    assert not pair.bob.queries
    at_once = pair.ask(root)
    pair.note(pair.bob.over(at_once))
    assert pair.bob.outgoing(ALICE) is None, "what was not sent yet need not be taken back"


def test_requests_are_bounded_and_refused_with_the_code_that_says_why() -> None:
    pair = Pair(GraphSyncParams(requests=2, message_target=1))
    root = pair.file()
    condition = {"R": {"l": {"none": {}}, ":>": {"a": {">": {"@": {}}}}, "!": {"/": root}}}
    asked = [
        GraphSyncRequest(bytes(15) + b"a", NEW, root, EVERYTHING),
        GraphSyncRequest(bytes(15) + b"b", NEW, root, EVERYTHING),
        GraphSyncRequest(bytes(15) + b"c", NEW, root, EVERYTHING),
    ]
    pair.alice.received(BOB, GraphSyncMessage(asked), 0)
    message = pair.alice.outgoing(BOB)
    assert message is not None
    assert {one.id[-1:]: one.status for one in message.responses} == {b"c": 31, b"a": 14}
    pair.alice.received(BOB, GraphSyncMessage([GraphSyncRequest(one.id, CANCEL) for one in asked]), 0)
    again = [
        GraphSyncRequest(bytes(15) + b"d", NEW, root, condition),
        GraphSyncRequest(bytes(15) + b"e", NEW, root, "everything"),
        GraphSyncRequest(bytes(15) + b"f", NEW, root, EVERYTHING, 1, {"graphsync/do-not-send-cids": ["x"]}),
    ]
    pair.alice.received(BOB, GraphSyncMessage(again), 0)
    message = pair.alice.outgoing(BOB)
    assert message is not None
    assert [one.status for one in message.responses] == [30, 32]  # of many refusals, the last ones are sent
    pair.alice.serves = False
    pair.alice.received(BOB, GraphSyncMessage(asked[:1]), 0)
    message = pair.alice.outgoing(BOB)
    assert message is not None
    assert [one.status for one in message.responses] == [30]


def test_a_depth_bomb_and_a_graph_without_end_cost_a_bounded_walk() -> None:
    pair = Pair(GraphSyncParams(answered=WalkLimits(nodes=10_000, blocks=500, depth=100), message_target=1 << 20))
    cid = cid_for(b"bottom")
    for _ in range(200):
        data = dag_cbor.encode({"below": cid})
        cid = cid_for(data, "dag-cbor")
        pair.alice.store.put(cid, data)
    deep = pair.ask(cid, {"R": {"l": {"none": {}}, ":>": {"a": {">": {"@": {}}}}}})
    pair.run()
    assert deep.failure == "it answered 32, failed for an unknown reason"
    level = cid_for(b"leaf")
    pair.alice.store.put(level, b"leaf")
    for _ in range(30):  # each twice the one below: a billion paths to the leaf
        data = dag_cbor.encode([level, level])
        level = cid_for(data, "dag-cbor")
        pair.alice.store.put(level, data)
    wide = pair.ask(level, {"R": {"l": {"none": {}}, ":>": {"a": {">": {"@": {}}}}}})
    pair.run()
    assert wide.failure == "it answered 32, failed for an unknown reason"
    assert wide.lines <= 501


def test_a_peer_that_goes_ends_what_was_asked_of_it_and_one_that_floods_is_cut_off() -> None:
    pair = Pair()
    query = pair.ask(pair.file())
    effects = pair.bob.lost(ALICE, "it has gone")
    assert query.failure == "it has gone"
    assert [type(one) for one in effects] == [Note, QueryChanged]
    assert pair.bob.over(query) == []
    unasked = GraphSyncMessage((), (GraphSyncResponse(bytes(16), 14),), ((cid_for(b"x"), b"x"),))
    out: Effects = []
    for _ in range(65):
        out = pair.bob.received(ALICE, unasked, 5)
    assert [type(one) for one in out] == [Note, CutOff]
    assert pair.bob.is_cut_off(ALICE, 6)
    assert (
        pair.bob.received(ALICE, GraphSyncMessage([GraphSyncRequest(bytes(16), NEW, cid_for(b"x"), EVERYTHING)]), 6)
        == []
    )
    assert len(pair.bob.store) == 0
    with pytest.raises(ValidationError, match="no selector"):
        pair.ask(cid_for(b"x"), {"?": {}})
    assert Ready(ALICE) in pair.bob.ask(ALICE, cid_for(b"x"), EVERYTHING, [], 0, random.Random(3))[1]


def test_a_message_has_the_form_of_go_graphsyncs_schema() -> None:
    cid = cid_for(b"x")
    request = GraphSyncRequest(
        bytes(range(16)), NEW, cid, {"a": {">": {".": {}}}}, 3, {"graphsync/do-not-send-cids": [cid]}
    )
    response = GraphSyncResponse(bytes(16), 14, ((cid, PRESENT), (cid, DUPLICATE)))
    message = GraphSyncMessage((request,), (response,), ((cid, b"x"),))
    plain = dag_cbor.decode(encode_message(message), 64)
    assert plain == {
        "gs2": {
            "req": [
                {
                    "id": bytes(range(16)),
                    "type": "n",
                    "pri": 3,
                    "root": cid,
                    "sel": {"a": {">": {".": {}}}},
                    "ext": {"graphsync/do-not-send-cids": [cid]},
                }
            ],
            "rsp": [{"reqid": bytes(16), "stat": 14, "meta": [[cid, "p"], [cid, "d"]]}],
            "blk": [[b"\x01\x55\x12\x20", b"x"]],
        }
    }
    assert decode_message(encode_message(message)) == message
    cancel = GraphSyncMessage((GraphSyncRequest(bytes(16), CANCEL),))
    assert dag_cbor.decode(encode_message(cancel)) == {"gs2": {"req": [{"id": bytes(16), "type": "c"}]}}


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"gs1": {}},
        {"gs2": []},
        {"gs2": {"x": []}},
        {"gs2": {"req": {}}},
        {"gs2": {"req": [{"id": bytes(15), "type": "c"}]}},
        {"gs2": {"req": [{"id": bytes(16), "type": "x"}]}},
        {"gs2": {"req": [{"id": bytes(16), "type": "n"}]}},
        {"gs2": {"req": [{"id": bytes(16), "type": "c", "more": 1}]}},
        {"gs2": {"req": [{"id": bytes(16), "type": "c", "pri": True}]}},
        {"gs2": {"rsp": [{"reqid": bytes(16), "stat": 99}]}},
        {"gs2": {"rsp": [{"reqid": bytes(16), "stat": 14, "meta": [["x", "p"]]}]}},
        {"gs2": {"rsp": [{"reqid": bytes(16), "stat": 14, "meta": [[cid_for(b"x"), "q"]]}]}},
        {"gs2": {"blk": [[b"\x01\x55\x12\x20"]]}},
        {"gs2": {"blk": [[b"\x01\x55\x99\x20", b"x"]]}},
        {"gs2": {"blk": [[b"\x01\x55\x12\x21", b"x"]]}},
    ],
)
def test_what_is_no_message_is_refused(value: Any) -> None:
    with pytest.raises(ProtocolViolation):
        decode_message(dag_cbor.encode(value))
