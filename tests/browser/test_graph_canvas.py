"""The graph's browser half alone: what it makes of frames, and what the pointer does."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from p2plab.events import Event
from p2plab_widgets.graph.frames import CopyLook, FrameRecord, Tag
from p2plab_widgets.graph.scene import Scene
from p2plab_widgets.graph.still.layout import positions
from tests.browser.graph_page import GraphPage

NAMES = ("alice", "bob", "carol", "dave")
RING = (("alice", "bob"), ("bob", "carol"), ("carol", "dave"), ("alice", "dave"))


def scene_of(names: tuple[str, ...] = NAMES, edges: tuple[tuple[str, str], ...] = RING) -> Scene:
    scene = Scene({})
    scene.begin([(name, True) for name in names], edges, [("alice", "news"), ("bob", "news")])
    return scene


def event(kind: str, node: str, peer: str | None = None, topic: str | None = None, ref: str | None = None) -> Event:
    return Event(t=2.5, seq=0, kind=kind, node=node, peer=peer, topic=topic, ref=ref)


def counts(page: Page) -> tuple[int, int]:
    """How many nodes are shown and how many edges there are, in the first view."""
    nodes = "view.scene.nodes.filter((node) => view.scene.isShown(node)).length"
    return tuple(page.evaluate(f"[{nodes}, view.scene.edges.size]"))


def pixels_of(page: Page, colour: str) -> int:
    """How many pixels of this colour (#rrggbb) the canvas shows on the screen."""
    with Image.open(io.BytesIO(page.locator(".p2plab-stage").screenshot())) as shot:
        counted = shot.convert("RGB").getcolors(1 << 24) or []
    wanted = tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return sum(count for count, found in counted if found == wanted)


def place_of(page: Page, index: int) -> tuple[float, float]:
    """Where on the page a node is drawn."""
    box = page.locator(".p2plab-canvas").bounding_box()
    assert box is not None
    x, y = page.evaluate(f"[view.camera.screenX({index}), view.camera.screenY({index})]")
    return box["x"] + x, box["y"] + y


def test_records_mean_the_same_in_python_and_in_the_browser(page: Page) -> None:
    graph = GraphPage(page, scene_of())
    records = [
        FrameRecord(Tag.COPY, CopyLook.DUPLICATE, 0x0102, 0x03040506, 0xFFFFFFFF, 7),
        FrameRecord(Tag.EDGE, 1, 65535, 1, 2, 2**32 - 1),
    ]
    assert graph.read(b"".join(record.pack() for record in records)) == [list(record) for record in records]


def test_every_node_is_drawn_in_its_colour_and_then_nothing_moves(page: Page) -> None:
    scene = scene_of()
    graph = GraphPage(page, scene)
    graph.wait_until_resting()
    assert all(pixels_of(page, colour) > 100 for colour in scene.colours)
    assert counts(page) == (4, 4)
    painted = graph.painted()
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert graph.painted() == painted


def test_it_is_drawn_in_the_screen_s_own_pixels(page: Page) -> None:
    GraphPage(page, scene_of())
    page.evaluate("() => Object.defineProperty(window, 'devicePixelRatio', { value: 2 })")
    page.set_viewport_size({"width": 1000, "height": 800})
    page.wait_for_function("document.querySelector('.p2plab-canvas').width === 2 * view.camera.width")


def test_nodes_and_edges_come_and_go(page: Page) -> None:
    scene = scene_of()
    graph = GraphPage(page, scene)
    for node, peer in (("erin", "alice"), ("erin", "bob")):
        scene.apply(event("node.started", node))
        scene.apply(event("connection.opened", node, peer))
    graph.feed()
    assert counts(page) == (5, 6)
    for node, peer in RING[:2]:
        scene.apply(event("connection.closed", node, peer))
        scene.apply(event("connection.closed", peer, node))
    graph.feed()
    assert counts(page) == (5, 4)
    graph.wait_until_resting()
    assert pixels_of(page, scene.colours[4]) > 100


def test_a_message_is_seen_on_its_way_and_a_hop_waits_for_the_one_before(page: Page) -> None:
    scene = scene_of()
    graph = GraphPage(page, scene)
    graph.wait_until_resting()
    scene.apply(event("pubsub.publish", "alice", topic="news", ref="aa"))
    for node, peer in (("bob", "alice"), ("dave", "alice"), ("carol", "bob")):
        scene.apply(event("pubsub.deliver", node, peer, "news", "aa"))
    scene.apply(event("pubsub.duplicate", "carol", "dave", "news", "aa"))
    copies = graph.feed_and_look("scene.copies.map(({ a, b, look, start, end }) => [a, b, look, start, end])")
    ways = {(a, b): (look, start, end) for a, b, look, start, end in copies}
    assert list(ways) == [(0, 1), (0, 3), (1, 2), (3, 2)]
    assert ways[1, 2][1] == ways[0, 1][2]
    assert ways[3, 2][0] == CopyLook.DUPLICATE
    page.wait_for_function("view.scene.copies.length === 0")
    graph.wait_until_resting()
    assert page.evaluate("view.scene.nodes.map((node) => node.flash > 0)") == [True, True, True, True]


def test_a_copy_is_drawn_between_its_nodes_in_its_publisher_s_colour(page: Page) -> None:
    """Both nodes at its ends are gone, and drawn grey: whatever is of that colour is the copy."""
    scene = scene_of(("alice", "bob"), (("alice", "bob"),))
    graph = GraphPage(page, scene)
    graph.wait_until_resting()
    for name in ("alice", "bob"):
        scene.apply(event("node.crashed", name))
    graph.feed()
    graph.wait_until_resting()
    assert pixels_of(page, scene.colours[0]) == 0
    scene.apply(event("pubsub.publish", "alice", topic="news", ref="aa"))
    scene.apply(event("pubsub.deliver", "bob", "alice", "news", "aa"))
    middle = "view.scene.copies[0]; copy.start = performance.now() - 1e5; copy.end = performance.now() + 1e5"
    graph.feed_and_look(f"(() => {{ const copy = {middle}; }})()")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert pixels_of(page, scene.colours[0]) > 10


def test_a_frame_that_does_not_fit_is_dropped_and_a_snapshot_asked_for_once(page: Page) -> None:
    scene = scene_of()
    graph = GraphPage(page, scene)
    assert page.evaluate("model.sent.filter((said) => said.hello)") == [{"hello": True}]
    for name in ("erin", "frank", "grace"):
        scene.apply(event("node.started", name))
        if name == "erin":
            assert scene.delta() is not None  # and it is lost
        else:
            graph.feed()
    assert counts(page) == (4, 4)
    assert page.evaluate("model.sent.filter((said) => said.hello)") == [{"hello": True}, {"hello": True}]
    graph.feed_snapshot()
    assert counts(page) == (7, 4)


def test_a_second_view_shows_the_same_and_a_closed_one_is_done(page: Page) -> None:
    scene = scene_of()
    graph = GraphPage(page, scene)
    page.evaluate("void show()")
    page.get_by_role("button", name="Nodes").first.click()
    page.get_by_role("button", name="Nodes").last.click()
    scene.apply(event("node.started", "erin"))
    graph.feed()
    expect(page.locator(".p2plab-list-count")).to_have_text(["5 nodes", "5 nodes"])
    page.evaluate("hide()")
    scene.apply(event("node.started", "frank"))
    graph.feed()
    expect(page.locator(".p2plab-list-count")).to_have_text(["6 nodes"])


def test_a_click_selects_a_node_and_the_card_shows_what_python_says_of_it(page: Page) -> None:
    graph = GraphPage(page, scene_of())
    graph.wait_until_resting()
    page.mouse.click(*place_of(page, 1))
    assert page.evaluate("model.saved.selection") == {"kind": "node", "id": "bob"}
    card = page.locator(".p2plab-card")
    expect(card.locator("dd")).to_have_text(["news", "alice, carol"])
    graph.set("details", {"name": "bob", "short": "…abcdef", "addresses": ["/ip4/127.0.0.1/tcp/1"], "agent": "x/1"})
    expect(card.locator("dd")).to_have_text(["…abcdef", "/ip4/127.0.0.1/tcp/1", "x/1", "news", "alice, carol"])
    card.get_by_role("button", name="close").click()
    expect(card).to_be_hidden()
    assert page.evaluate("model.saved.selection") is None


def test_choosing_a_topic_sets_the_trait_and_dims_who_does_not_subscribe(page: Page) -> None:
    scene = scene_of()
    graph = GraphPage(page, scene)
    graph.wait_until_resting()
    assert pixels_of(page, scene.colours[2]) > 100
    page.get_by_label("Topic", exact=True).select_option(label="news (2)")
    assert page.evaluate("model.saved.topic") == "news"
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert pixels_of(page, scene.colours[0]) > 100
    assert pixels_of(page, scene.colours[2]) == 0


def test_a_dragged_node_stays_where_it_is_put(page: Page) -> None:
    graph = GraphPage(page, scene_of())
    graph.wait_until_resting()
    x, y = place_of(page, 0)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y + 40)
    page.mouse.move(x + 60, y + 50)
    page.mouse.up()
    graph.wait_until_resting()
    assert place_of(page, 0) == pytest.approx((x + 60, y + 50), abs=0.5)
    assert page.evaluate("model.saved") is None


def test_the_wheel_zooms_only_with_ctrl_and_the_button_shows_everything_again(page: Page) -> None:
    graph = GraphPage(page, scene_of())
    graph.wait_until_resting()
    before = page.evaluate("view.camera.scale")
    x, y = place_of(page, 2)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -200)
    assert page.evaluate("view.camera.scale") == before
    page.mouse.click(x, y)
    graph.wait_until_resting()
    before, (x, y) = page.evaluate("view.camera.scale"), place_of(page, 2)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -200)
    assert page.evaluate("view.camera.scale") == before  # a click does not trap it
    expect(page.get_by_text("Ctrl and the wheel zoom")).to_be_visible()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_function(f"view.camera.scale > {before}")
    assert place_of(page, 2) == pytest.approx((x, y), abs=1)  # what is under the pointer stays there
    page.locator(".p2plab-zoom-fit").click()
    page.wait_for_function(f"Math.abs(view.camera.scale / {before} - 1) < 0.02")


def test_the_same_network_is_drawn_the_same_each_time(page: Page) -> None:
    shots = []
    for _ in range(2):
        graph = GraphPage(page, scene_of())
        graph.wait_until_resting()
        shots.append(page.evaluate("[...view.scene.layout.x.slice(0, 4), ...view.scene.layout.y.slice(0, 4)]"))
    assert shots[0] == shots[1]
    assert len(set(shots[0])) > 4


def test_the_chosen_topic_s_mesh_is_drawn(page: Page) -> None:
    scene = scene_of()
    for node, peer in (("alice", "bob"), ("bob", "alice"), ("alice", "dave")):
        scene.apply(event("pubsub.graft", node, peer, "news"))
    graph = GraphPage(page, scene)
    legend = page.locator(".p2plab-legend").get_by_text("mesh of the topic")
    expect(legend).to_be_hidden()
    expect(page.locator(".p2plab-legend").get_by_text("mesh", exact=True)).to_be_visible()
    graph.set("topic", "news")
    expect(legend).to_be_visible()
    assert page.evaluate("[...view.scene.meshes.get(1).values()]") == [
        {"a": 0, "b": 1, "sides": 2},
        {"a": 0, "b": 3, "sides": 1},
    ]
    for node, peer in (("alice", "bob"), ("bob", "alice"), ("alice", "dave")):
        scene.apply(event("pubsub.prune", node, peer, "news"))
    graph.feed()
    expect(legend).to_be_hidden()


def test_a_view_made_before_it_is_in_the_page_has_the_theme_s_colours(page: Page) -> None:
    graph = GraphPage(page, scene_of())
    graph.wait_until_resting()
    page.evaluate("() => { const el = make(); requestAnimationFrame(() => document.body.append(el)); }")
    page.wait_for_function("document.querySelectorAll('.p2plab-graph[data-resting=\"true\"]').length === 2")
    assert page.evaluate("[...view.scene.views].map((each) => each.theme.line)") == ["#8f9ba8", "#8f9ba8"]


def ring_of(count: int) -> Scene:
    names = [f"n{i}" for i in range(count)]
    scene = Scene({})
    scene.begin([(name, True) for name in names], [(names[i], names[(i + 1) % count]) for i in range(count)], [])
    return scene


@pytest.mark.parametrize("count", [8, 60, 90, 400])
def test_python_and_the_browser_put_each_node_in_the_same_place(page: Page, count: int) -> None:
    GraphPage(page, scene_of())
    edges = [(i, (i + 1) % count) for i in range(count)] + [(i, (i * 7 + 3) % count) for i in range(0, count, 3)]
    edges = sorted({(min(pair), max(pair)) for pair in edges if pair[0] != pair[1]})
    found = page.evaluate("([count, edges]) => solve(count, edges).map((each) => [...each])", [count, edges])
    assert list(zip(*found, strict=True)) == positions(count, edges)


@pytest.mark.parametrize("count", [8, 50, 200])
def test_no_name_lies_over_another_or_leaves_the_frame(page: Page, count: int) -> None:
    graph = GraphPage(page, ring_of(count))
    graph.wait_until_resting()
    boxes = page.evaluate(
        """() => {
            const pen = view.parts.canvas.getContext("2d"), { width, height } = view.camera;
            return view.painter.labels.map(({ text, x, y }) => {
              pen.font = `500 11px ${view.theme.font}`;
              return [x, y - 6, x + pen.measureText(text).width, y + 6, width, height];
            });
        }"""
    )
    assert len(boxes) >= min(count, 20)
    for at, (left, top, right, bottom, width, height) in enumerate(boxes):
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        assert not any(left < r and right > x and top < b and bottom > y for x, y, r, b, *_ in boxes[:at])


@pytest.mark.parametrize("count", [8, 50, 200, 1000])
def test_the_network_fills_nine_tenths_of_the_shorter_side(page: Page, count: int) -> None:
    graph = GraphPage(page, ring_of(count))
    graph.wait_until_resting()
    wide, high, width, height, radius = page.evaluate(
        """() => {
            const xs = view.scene.nodes.map((_, i) => view.camera.screenX(i));
            const ys = view.scene.nodes.map((_, i) => view.camera.screenY(i));
            const span = (all) => Math.max(...all) - Math.min(...all), { width, height } = view.camera;
            return [span(xs), span(ys), width, height, view.painter.look.radius];
        }"""
    )
    room = 2 * radius + 20  # the nodes' own size, and names
    assert wide + room >= 0.9 * width or high + room >= 0.9 * height


@pytest.mark.parametrize("layout", ["force", "grid"])
def test_no_node_is_hidden_by_the_buttons_that_zoom(page: Page, layout: str) -> None:
    graph = GraphPage(page, ring_of(50))
    if layout == "grid":
        spots = [value for i in range(50) for value in (i % 10, i // 10)]
        page.evaluate("(values) => look({ content: { places: { kind: 'grid', values } } })", spots)
    graph.wait_until_resting()
    zoom = page.locator(".p2plab-zoom").bounding_box()
    assert zoom is not None
    for x, y in (place_of(page, i) for i in range(50)):
        assert x < zoom["x"] - 5 or y < zoom["y"] - 5


def test_zooming_in_brings_back_what_zooming_out_took_away(page: Page) -> None:
    graph = GraphPage(page, ring_of(600))
    graph.wait_until_resting()
    named = page.evaluate("view.painter.labels.length")
    assert (page.evaluate("view.painter.look.level"), named <= 12) == (2, True)
    for _ in range(8):
        page.get_by_role("button", name="zoom in").click()
    graph.wait_until_resting()
    assert page.evaluate("view.painter.look.level") == 0
    shown = page.evaluate("view.painter.look.sight.length")
    assert 0 < shown <= 50
    assert page.evaluate("view.painter.labels.length") >= shown // 2


def test_thousands_are_clusters_that_a_click_opens(page: Page) -> None:
    graph = GraphPage(page, ring_of(2400))
    graph.wait_until_resting()
    cells = page.evaluate("view.painter.clusters.cells.map((cell) => cell.nodes.length)")
    assert sum(cells) == 2400
    assert len(cells) < 400
    expect(page.locator(".p2plab-legend")).to_contain_text("zoom in to open")
    spot = page.evaluate(
        """() => {
            const [cell] = [...view.painter.clusters.cells].sort((a, b) => b.nodes.length - a.nodes.length);
            const { camera } = view, box = view.parts.canvas.getBoundingClientRect();
            return [
              box.x + (cell.x - camera.x) * camera.scale * camera.across + camera.width / 2,
              box.y + (cell.y - camera.y) * camera.scale * camera.down + camera.height / 2,
            ];
        }"""
    )
    page.mouse.click(*spot)
    page.wait_for_function("view.painter.look.level < 3")
    assert page.evaluate("view.painter.clusters") is None


def test_a_node_is_found_by_a_part_of_its_name_and_the_rest_can_be_hidden(page: Page) -> None:
    graph = GraphPage(page, ring_of(60))
    graph.wait_until_resting()
    page.locator(".p2plab-canvas").focus()
    page.keyboard.press("/")
    page.keyboard.type("n5")
    expect(page.locator(".p2plab-list-count")).to_have_text("11 nodes")
    page.keyboard.press("Enter")
    assert page.evaluate("model.saved.selection") == {"kind": "node", "id": "n5"}
    page.get_by_label("show only these").check()
    graph.wait_until_resting()
    assert page.evaluate("view.painter.look.sight.length") == 11
    page.locator(".p2plab-search").press("Escape")
    expect(page.locator(".p2plab-list")).to_be_hidden()
    graph.wait_until_resting()
    assert page.evaluate("view.painter.look.sight.length") == 60


def test_who_comes_by_keyboard_sees_that_the_picture_has_the_focus(page: Page) -> None:
    """The stage cuts off what lies outside its canvases, so that the ring has to lie inside."""
    GraphPage(page, ring_of(3)).wait_until_resting()
    page.keyboard.press("Tab")
    page.locator(".p2plab-canvas").focus()
    ring = page.evaluate(
        "(({ outlineStyle, outlineOffset }) => [outlineStyle, outlineOffset])(getComputedStyle(document.activeElement))"
    )
    assert ring == ["solid", "-2px"]


def test_who_wants_less_motion_sees_marks_and_nothing_that_travels(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    scene = scene_of(("alice", "bob"), (("alice", "bob"),))
    graph = GraphPage(page, scene)
    graph.wait_until_resting()
    for name in ("alice", "bob"):
        scene.apply(event("node.crashed", name))
    graph.feed()
    graph.wait_until_resting()
    scene.apply(event("pubsub.publish", "alice", topic="news", ref="aa"))
    scene.apply(event("pubsub.deliver", "bob", "alice", "news", "aa"))
    middle = "view.scene.copies[0]; copy.start = performance.now() - 1e5; copy.end = performance.now() + 1e5"
    graph.feed_and_look(f"(() => {{ const copy = {middle}; view.scene.nodes[0].flash = -1e9; }})()")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert pixels_of(page, scene.colours[0]) == 0


DRAWN = """() => {
    const lines = document.querySelector(".p2plab-edges");
    const { data } = lines.getContext("2d").getImageData(0, 0, lines.width, lines.height);
    return data.filter((value, at) => at % 4 === 3 && value > 0).length;
}"""


def test_neighbours_in_the_dht_are_drawn_where_they_are_wanted(page: Page) -> None:
    graph = GraphPage(page, scene_of(edges=()))
    page.evaluate("look({ content: { neighbours: [0, 2, 1, 3] } })")
    graph.wait_until_resting()
    assert page.evaluate(DRAWN) == 0
    page.locator(".p2plab-layers-summary").click()
    page.get_by_label("neighbours in the DHT").check()
    graph.wait_until_resting()
    assert page.evaluate(DRAWN) > 100  # pixels of two dotted lines
    page.get_by_label("neighbours in the DHT").uncheck()
    graph.wait_until_resting()
    assert page.evaluate(DRAWN) == 0
