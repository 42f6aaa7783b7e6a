"""The graph's scene: events in, records of what changed out."""

from __future__ import annotations

from typing import Any

from p2plab.events import Event
from p2plab.text import MAX_SHOWN
from p2plab_widgets.graph import scene as scene_module
from p2plab_widgets.graph.frames import CopyLook, FrameRecord, NodeLook, Tag, unpack
from p2plab_widgets.graph.scene import Scene


def event(
    kind: str,
    node: str | None,
    peer: str | None = None,
    topic: str | None = None,
    ref: str | None = None,
    data: dict[str, Any] | None = None,
) -> Event:
    return Event(t=1.5, seq=0, kind=kind, node=node, peer=peer, topic=topic, ref=ref, data=data)


def scene_of(*names: str, edges: tuple[tuple[str, str], ...] = ()) -> Scene:
    """A scene whose beginning has been sent."""
    scene = Scene({})
    scene.begin([(name, True) for name in names], edges, [])
    scene.snapshot()
    return scene


def delta(scene: Scene) -> tuple[dict[str, Any], list[FrameRecord]]:
    changes = scene.delta()
    assert changes is not None
    return changes[0], list(unpack(changes[1]))


def test_nothing_new_is_no_frame() -> None:
    assert scene_of("alice").delta() is None


def test_a_snapshot_holds_all_of_the_structure() -> None:
    scene = Scene({"pubsub.publish": 3})
    scene.begin([("alice", True), ("bob", False)], [("alice", "bob")], [("alice", "news")])
    frame, records = scene.snapshot()
    assert [(index, name) for index, name, _ in frame["nodes"]] == [(0, "alice"), (1, "bob")]
    assert (frame["snapshot"], frame["topics"], frame["published"]) == (True, [["news"]], 3)
    assert list(unpack(records)) == [
        FrameRecord(Tag.NODE, NodeLook.RUNNING, a=0),
        FrameRecord(Tag.NODE, NodeLook.GONE, a=1),
        FrameRecord(Tag.EDGE, 1, a=0, b=1),
        FrameRecord(Tag.TOPIC, 1, topic=1, a=0),
    ]


def test_every_change_of_an_edge_is_kept_in_order() -> None:
    scene = scene_of("alice", "bob")
    for kind in ("connection.opened", "connection.closed", "connection.opened"):
        scene.apply(event(kind, "bob", "alice"))
    frame, records = delta(scene)
    assert [(record.tag, record.look, record.a, record.b) for record in records] == [
        (Tag.EDGE, 1, 0, 1),
        (Tag.EDGE, 0, 0, 1),
        (Tag.EDGE, 1, 0, 1),
    ]
    assert frame["version"] == frame["base"] + 1


def test_an_edge_stays_while_one_end_holds_it_open() -> None:
    scene = scene_of("alice", "bob", edges=(("alice", "bob"),))
    scene.apply(event("connection.closed", "alice", "bob"))
    assert scene.edges() == [(0, 1)]
    scene.apply(event("connection.closed", "bob", "alice"))
    assert scene.edges() == []


def test_what_the_first_look_and_an_event_both_say_counts_once() -> None:
    scene = scene_of("alice", "bob", edges=(("alice", "bob"),))
    scene.apply(event("connection.opened", "alice", "bob"))
    scene.apply(event("node.started", "alice"))
    assert scene.delta() is None


def test_a_crashed_node_lets_go_of_its_ends_and_its_peers_of_theirs_when_they_notice() -> None:
    scene = scene_of("alice", "bob", edges=(("alice", "bob"),))
    scene.apply(event("node.crashed", "alice"))
    assert (scene.edges(), scene.looks[0]) == ([(0, 1)], NodeLook.GONE)
    scene.apply(event("connection.closed", "bob", "alice"))
    scene.apply(event("node.restarted", "alice"))
    assert (scene.edges(), scene.looks[0]) == ([], NodeLook.RUNNING)


def test_what_the_stack_of_a_crashed_node_still_says_makes_nothing() -> None:
    scene = scene_of("alice", "bob")
    scene.apply(event("node.crashed", "alice"))
    scene.apply(event("pubsub.graft", "alice", "bob", topic="news"))
    scene.apply(event("connection.opened", "alice", "bob"))
    scene.apply(event("node.restarted", "alice"))
    assert (scene.edges(), [mesh for mesh in scene.meshes.values() if mesh]) == ([], [])
    scene.apply(event("connection.opened", "alice", "bob"))
    scene.apply(event("pubsub.graft", "alice", "bob", topic="news"))
    assert (scene.edges(), list(scene.meshes.values())) == ([(0, 1)], [{(0, 1): None}])


def test_subscribing_and_leaving_are_seen_once_each() -> None:
    scene = scene_of("alice")
    for kind in ("subscribe", "subscribe", "unsubscribe", "unsubscribe"):
        scene.apply(event(f"pubsub.{kind}", "alice", topic="news"))
    frame, records = delta(scene)
    assert frame["topics"] == [["news"]]
    assert records == [FrameRecord(Tag.TOPIC, 1, 1, a=0), FrameRecord(Tag.TOPIC, 0, 1, a=0)]


def test_copies_of_a_message_run_from_the_peer_to_the_node_under_one_number() -> None:
    scene = scene_of("alice", "bob", "carol")
    scene.apply(event("pubsub.publish", "alice", topic="news", ref="aa"))
    scene.apply(event("pubsub.deliver", "bob", "alice", "news", "aa"))
    scene.apply(event("pubsub.duplicate", "carol", "bob", "news", "aa"))
    scene.apply(event("pubsub.reject", "carol", "alice", "news", "bb"))
    _, records = delta(scene)
    assert records == [
        FrameRecord(Tag.PUBLISH, 0, 1, a=0, message=1),
        FrameRecord(Tag.COPY, CopyLook.FIRST, 1, a=0, b=1, message=1),
        FrameRecord(Tag.COPY, CopyLook.DUPLICATE, 1, a=1, b=2, message=1),
        FrameRecord(Tag.COPY, CopyLook.REJECTED, 1, a=0, b=2, message=2),
    ]


def test_a_publisher_s_own_copy_crosses_no_edge() -> None:
    scene = scene_of("alice")
    scene.apply(event("pubsub.deliver", "alice", None, "news", "aa"))
    scene.apply(event("pubsub.deliver", "alice", "alice", "news", "aa"))
    assert scene.delta() is None


def test_traffic_alone_leaves_the_version_of_the_structure() -> None:
    scene = scene_of("alice", "bob")
    scene.apply(event("pubsub.deliver", "bob", "alice", ref="aa"))
    frame, _ = delta(scene)
    assert frame["base"] == frame["version"]
    assert frame["t"] == 1.5


def test_a_peer_from_outside_is_drawn_while_it_is_connected() -> None:
    scene = scene_of("alice")
    scene.apply(event("connection.opened", "alice", "12D3KooWvisitor"))
    assert (scene.shown_nodes(), scene.looks[1], scene.neighbours(0)) == ([0, 1], NodeLook.OUTSIDE, ["12D3KooWvisitor"])
    scene.apply(event("connection.closed", "alice", "12D3KooWvisitor"))
    assert scene.shown_nodes() == [0]


def test_an_attached_node_is_drawn_whether_it_is_connected_or_not() -> None:
    scene = scene_of("alice")
    scene.apply(event("node.attached", "js", data={"peer_id": "12D3KooWjs"}))
    assert (scene.shown_nodes(), scene.looks[1]) == ([0, 1], NodeLook.ATTACHED)
    scene.apply(event("node.lost", "js"))
    assert (scene.shown_nodes(), scene.looks[1]) == ([0, 1], NodeLook.GONE)
    scene.apply(event("node.found", "js"))
    assert scene.looks[1] is NodeLook.ATTACHED
    scene.apply(event("node.detached", "js"))
    assert scene.shown_nodes() == [0]


def test_what_a_peer_had_before_it_was_attached_moves_to_its_name() -> None:
    scene = scene_of("alice")
    scene.apply(event("connection.opened", "alice", "12D3KooWjs"))
    scene.apply(event("pubsub.graft", "alice", "12D3KooWjs", topic="news"))
    scene.apply(event("node.attached", "js", data={"peer_id": "12D3KooWjs"}))
    assert [scene.names[index] for index in scene.shown_nodes()] == ["alice", "js"]
    assert scene.neighbours(0) == ["js"]
    assert list(scene.meshes[1]) == [(0, 2)]
    scene.apply(event("connection.closed", "alice", "js"))
    assert scene.edges() == []


def test_outsiders_are_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr(scene_module, "MAX_OUTSIDE", 2)
    scene = scene_of("alice")
    for number in range(5):
        scene.apply(event("connection.opened", "alice", f"visitor{number}"))
        scene.apply(event("pubsub.deliver", "alice", f"visitor{number}", ref="aa"))
    assert scene.names == ["alice", "visitor0", "visitor1"]


def test_topics_beyond_what_a_record_can_number_are_left_out(monkeypatch: Any) -> None:
    monkeypatch.setattr(scene_module, "MAX_TOPICS", 1)
    scene = scene_of("alice")
    scene.apply(event("pubsub.subscribe", "alice", topic="news"))
    scene.apply(event("pubsub.subscribe", "alice", topic="sports"))
    frame, records = delta(scene)
    assert frame["topics"] == [["news"]]
    assert records == [FrameRecord(Tag.TOPIC, 1, 1, a=0)]


def test_numbers_of_messages_are_remembered_up_to_a_bound(monkeypatch: Any) -> None:
    monkeypatch.setattr(scene_module, "MAX_MESSAGES", 2)
    scene = scene_of("alice", "bob")
    for ref in ("aa", "bb", "cc", "aa"):
        scene.apply(event("pubsub.deliver", "bob", "alice", ref=ref))
    _, records = delta(scene)
    assert [record.message for record in records] == [1, 2, 3, 4]


def test_names_are_bounded_and_without_control_characters() -> None:
    scene = scene_of("a" * 5000, "b\u202e\x00c")
    frame, _ = scene.snapshot()
    assert len(frame["nodes"][0][1]) == MAX_SHOWN
    assert frame["nodes"][1][1] == "b\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}c"


def test_frames_after_a_snapshot_continue_from_it() -> None:
    scene = scene_of("alice", "bob")
    scene.apply(event("connection.opened", "alice", "bob"))
    first, _ = scene.snapshot()
    scene.apply(event("node.started", "carol"))
    second, records = delta(scene)
    assert second["base"] == first["version"]
    assert [name for _, name, _ in second["nodes"]] == ["carol"]
    assert records[-1] == FrameRecord(Tag.NODE, NodeLook.RUNNING, a=2)


def test_the_same_names_have_the_same_colours_and_differ_while_there_are_enough() -> None:
    first, second = scene_of(*(f"n{i}" for i in range(24))), scene_of(*(f"n{i}" for i in range(24)))
    assert first.colours == second.colours
    assert len(set(first.colours)) == 24


def test_a_mesh_is_what_each_node_says_of_its_own() -> None:
    scene = scene_of("alice", "bob")
    for kind, node, peer in (("graft", "alice", "bob"), ("graft", "alice", "bob"), ("graft", "bob", "alice")):
        scene.apply(event(f"pubsub.{kind}", node, peer, "news"))
    assert list(unpack(scene.snapshot()[1]))[-2:] == [
        FrameRecord(Tag.MESH, 1, 1, a=0, b=1),
        FrameRecord(Tag.MESH, 1, 1, a=1, b=0),
    ]
    scene.apply(event("pubsub.prune", "bob", "alice", "news"))
    scene.apply(event("node.crashed", "alice"))
    _, records = delta(scene)
    assert records == [
        FrameRecord(Tag.MESH, 0, 1, a=1, b=0),
        FrameRecord(Tag.MESH, 0, 1, a=0, b=1),
        FrameRecord(Tag.NODE, NodeLook.GONE, a=0),
    ]
