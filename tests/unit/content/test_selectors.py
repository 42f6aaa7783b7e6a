"""Selectors: the fixtures of their specification, what is refused, and what a hostile one may cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from p2plab.content import dag_json
from p2plab.content.graphsync import EVERYTHING, Load, VisitedNode, WalkLimits, parse_selector, walk_selector
from p2plab.errors import OverloadedError, ProtocolViolation, ValidationError
from p2plab.identity import dag_cbor
from p2plab.identity.cid import Cid, cid_for

FIXTURES: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "fixtures" / "ipld" / "selectors.json").read_text(encoding="utf-8")
)["fixtures"]


def document(value: Any) -> bytes:
    """A fixture's JSON as the strict DAG-JSON of the same."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def kind_of(node: Any) -> dict[str, Any]:
    """A node as fixtures write it: its kind and, where it is a scalar, its value."""
    if isinstance(node, bool):
        return {"bool": node}
    names: dict[type, str] = {dict: "map", list: "list", str: "string", int: "int", bytes: "bytes", type(None): "null"}
    plain = None if isinstance(node, (dict, list)) else json.loads(dag_json.encode(node))
    return {names[type(node)]: plain}


def walked(
    root: Cid, selector: Any, blocks: dict[Cid, bytes], limits: WalkLimits | None = None
) -> tuple[list[VisitedNode], list[Cid]]:
    walk, answer = walk_selector(root, parse_selector(selector), limits, visits=True), None
    visits: list[VisitedNode] = []
    loads: list[Cid] = []
    while True:
        try:
            out = walk.send(answer)
        except StopIteration:
            return visits, loads
        answer = None
        if isinstance(out, Load):
            loads.append(out.cid)
            answer = blocks.get(out.cid)
        else:
            visits.append(out)


@pytest.mark.parametrize("name", FIXTURES)
def test_a_fixture_of_the_specification_visits_what_it_should(name: str) -> None:
    given = FIXTURES[name]
    data = document(given["data"] if "data" in given else given["root"])
    root = cid_for(data, "dag-json")
    blocks = {root: data}
    for key, value in given.items():
        if key.startswith("bagu"):
            blocks[cid_for(document(value), "dag-json")] = document(value)
            assert str(cid_for(document(value), "dag-json")) == key
    visits, loads = walked(root, given["selector"], blocks)
    found = [{"path": one.path, "node": kind_of(one.node), "matched": one.matched} for one in visits]
    assert found == given["expect-visit"]
    assert len(loads) == (4 if name == "adl-interpreted" else 1), "of a file, no chunk above the subset"


@pytest.mark.parametrize(
    ("selector", "problem"),
    [
        ({"&": {"&": {"hasField": "x"}, ">": {".": {}}}}, "with a condition"),
        ({".": {"onlyIf": {"=": 3}}}, "with a condition"),
        ({"R": {"l": {"none": {}}, ":>": {"a": {">": {"@": {}}}}, "!": {"/": "bafy"}}}, "with a condition"),
        ({"@": {}}, "stands in no recursion"),
        ({"R": {"l": {"none": {}}, ":>": {".": {}}}}, "a recursion has an edge"),
        ({"R": {"l": {"depth": "5"}, ":>": {"@": {}}}}, "a whole number"),
        ({"R": {"l": {}, ":>": {"@": {}}}}, "the limit of a recursion"),
        ({"r": {"^": 3, "$": 3, ">": {".": {}}}}, "a range ends above"),
        ({"i": {"i": True, ">": {".": {}}}}, "a whole number"),
        ({"a": {}}, "has the keys >"),
        ({"a": {">": {".": {}}, "x": 1}}, "has the keys >"),
        ({"|": []}, "a union is a list"),
        ({"f": {"f>": []}}, "fields are a map"),
        ({"~": {"as": "hamt", ">": {".": {}}}}, "'unixfs' alone"),
        ({".": {"subset": {"[": 5, "]": 2}}}, "a subset ends"),
        ({"?": {}}, "there are the clauses"),
        ({".": {}, "a": {}}, "a map with one key"),
        ("everything", "a map with one key"),
        (None, "a map with one key"),
    ],
)
def test_what_is_no_selector_or_has_a_condition_is_refused(selector: Any, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        parse_selector(selector)


def test_a_selector_that_is_too_much_is_refused() -> None:
    deep: Any = {".": {}}
    for _ in range(70):
        deep = {"a": {">": deep}}
    with pytest.raises(ValidationError, match="in each other"):
        parse_selector(deep)
    wide: Any = {"|": [{"|": [{".": {}}] * 60}] * 20}
    with pytest.raises(ValidationError, match="1000 clauses"):
        parse_selector(wide)
    assert parse_selector({"selector": EVERYTHING})


def chain(length: int) -> tuple[Cid, dict[Cid, bytes]]:
    blocks: dict[Cid, bytes] = {}
    below: Cid | None = None
    for number in range(length):
        data = dag_cbor.encode({"next": below, "number": number})
        below = cid_for(data, "dag-cbor")
        blocks[below] = data
    assert below is not None
    return below, blocks


def test_a_walk_goes_over_links_and_a_depth_counts_edges() -> None:
    root, blocks = chain(10)
    along = {"R": {"l": {"depth": 4}, ":>": {"f": {"f>": {"next": {"@": {}}}}}}}
    visits, loads = walked(root, along, blocks)
    assert len(loads) == 4
    assert [one.path for one in visits] == ["", "next", "next/next", "next/next/next"]
    assert len(walked(root, EVERYTHING, blocks)[1]) == 10
    short = dict(blocks)
    del short[loads[2]]
    assert walked(root, EVERYTHING, short)[1] == loads[:3], "what is missing ends its branch"


def test_a_walk_is_bounded_in_nodes_blocks_and_depth() -> None:
    root, blocks = chain(200)
    endless = {"R": {"l": {"none": {}}, ":>": {"a": {">": {"@": {}}}}}}
    assert len(walked(root, endless, blocks)[1]) == 200
    for limits, problem in (
        (WalkLimits(blocks=50), "over 50 blocks"),
        (WalkLimits(nodes=50), "over 50 nodes"),
        (WalkLimits(depth=50), "over 50 segments"),
    ):
        with pytest.raises(OverloadedError, match=problem):
            walked(root, endless, blocks, limits)
    data = dag_cbor.encode([1, 2, 3])
    cid = cid_for(data, "dag-cbor")
    wide = {"r": {"^": -5, "$": 1 << 62, ">": {".": {}}}}
    assert [one.node for one in walked(cid, wide, {cid: data})[0]] == [[1, 2, 3], 1, 2, 3]
    with pytest.raises(ProtocolViolation, match="is no dag-cbor"):
        walked(cid, wide, {cid: b"\xff"})


def test_edges_that_double_at_each_level_do_not() -> None:
    """Two edges in a union would be two unions at the next level, four at the one after, and so on."""
    root, blocks = chain(60)
    doubling = {"R": {"l": {"none": {}}, ":>": {"a": {">": {"|": [{"@": {}}, {"@": {}}]}}}}}
    assert len(walked(root, doubling, blocks)[1]) == 60
    edge: Any = {"a": {">": {"@": {}}}}
    many = {"R": {"l": {"none": {}}, ":>": {"|": [{"a": {">": {"|": [edge, {"@": {}}]}}}] * 3}}}
    assert len(walked(root, many, blocks, WalkLimits(nodes=20_000))[1]) == 60
