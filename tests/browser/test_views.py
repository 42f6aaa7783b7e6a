"""Views in a real JupyterLab: two of one widget, a page that is loaded again, a cell that is gone, a kernel that starts
anew; and the HTML page, with no kernel and no network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect

from p2plab import Lab
from p2plab_widgets.graph.layers.beside import LAYERS
from tests.browser.jupyterlab import JupyterServer, run_all_cells, wait_until_idle
from tests.browser.test_hostile_text import EVIL, WORSE, run

SETUP = """
from p2plab import Lab
lab = Lab(seed=7)
nodes = lab.start_nodes(8)
lab.wire("random", degree=3)
for node in nodes:
    node.subscribe("news")
lab.run(3)
nodes[3].crash()
lab.run(5)
graph = lab.graph()
graph
"""
LOOK = "const look = () => (typeof p2plab === 'undefined' ? requestAnimationFrame(look) : resolve())"
TIME = ".p2plab-time"
FACTS = ".p2plab-facts"


def show(page: Page, path: Path) -> None:
    """Open a page without a kernel, whose player begins when its modules have been read.

    The page's policy forbids `eval`, which `page.wait_for_function` needs at every look after its first:
    the page looks by itself, once a frame.
    """
    page.goto(path.as_uri())
    page.evaluate(f"new Promise((resolve, reject) => {{ setTimeout(reject, 30000, 'no player'); {LOOK}; look(); }})")


@pytest.fixture
def lab_page(jupyter: JupyterServer, open_notebook: Callable[[str], Page]) -> Page:
    """A notebook that shows one graph in two cells."""
    cells = [nbformat.v4.new_code_cell(source) for source in (SETUP, "graph")]
    metadata = {"kernelspec": {"name": "python3", "display_name": ""}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), jupyter.root / "views.ipynb")
    page = open_notebook("views.ipynb")
    run_all_cells(page)
    expect(page.locator(".p2plab-view")).to_have_count(2)
    return page


def test_two_places_of_one_widget_and_the_kernel_agree_on_the_moment(lab_page: Page) -> None:
    first, second = lab_page.locator(".p2plab-view").all()
    for place in (first, second):
        expect(place.locator(FACTS)).to_contain_text("8 nodes")
        expect(place.locator(TIME)).to_have_text("8.000 s")
    track = first.locator(".p2plab-track")
    first.scroll_into_view_if_needed()
    box = track.bounding_box()
    assert box is not None
    track.click(position={"x": box["width"] * 0.25, "y": box["height"] / 2})
    for place in (first, second):
        expect(place.locator(TIME)).to_contain_text("of 8.000 s")
        expect(place.locator(".p2plab-live")).to_have_attribute("aria-pressed", "false")
    run(lab_page, "assert 1.8 < lab.cursor.time < 2.2, lab.cursor; assert lab.now == 8.0; graph.at(2.5)")
    expect(second.locator(TIME)).to_have_text("2.500 s of 8.000 s")
    track.focus()
    lab_page.keyboard.press("End")
    expect(second.locator(TIME)).to_have_text("8.000 s")
    run(lab_page, "assert lab.cursor.live; lab.run(4)")
    for place in (first, second):
        expect(place.locator(TIME)).to_have_text("12.00 s")


def test_the_bar_lets_a_mock_lab_run_and_plays_its_past(lab_page: Page) -> None:
    view = lab_page.locator(".p2plab-view").first
    view.scroll_into_view_if_needed()
    speed = view.get_by_label("speed").last
    speed.select_option("10")
    view.locator(".p2plab-play").click()
    expect(view.locator(".p2plab-play")).to_have_attribute("aria-label", "hold the lab (space)")
    expect(view.locator(".p2plab-reached")).to_contain_text("× reached")
    view.locator(".p2plab-play").click()
    expect(view.locator(".p2plab-play")).to_have_attribute("aria-label", "play the lab (space)")
    run(lab_page, "assert lab.now > 8.5, lab.now; assert lab.pace is None; before = lab.now, lab.events.digest()")
    view.locator(".p2plab-buttons button").first.click()
    expect(view.locator(TIME)).to_contain_text("0.000 s of")
    speed.select_option("100")
    view.locator(".p2plab-play").click()
    expect(view.locator(".p2plab-live")).to_have_attribute("aria-pressed", "true")
    run(lab_page, "assert before == (lab.now, lab.events.digest())")


def test_a_page_that_is_loaded_again_shows_what_is_there_now(lab_page: Page) -> None:
    run(lab_page, "lab.run(2); nodes[5].crash(); graph.at(9.5)")
    lab_page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    wait_until_idle(lab_page)
    lab_page.goto(lab_page.url.replace("&reset", ""))
    wait_until_idle(lab_page)
    views = lab_page.locator(".p2plab-view")
    expect(views).to_have_count(2)
    for place in views.all():
        place.scroll_into_view_if_needed()
        expect(place.locator(TIME)).to_have_text("9.500 s of 10.00 s")
        expect(place.locator(FACTS)).to_contain_text("8 nodes · 9 edges")
    run(lab_page, "graph.live(); lab.run(1)")
    for place in views.all():
        expect(place.locator(TIME)).to_have_text("11.00 s")
        expect(place.locator(".p2plab-sentence")).to_contain_text("n3 and n5 are down")
    assert lab_page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').all_text_contents() == []


def test_a_place_that_is_gone_and_a_kernel_that_starts_anew_leave_the_rest_working(lab_page: Page) -> None:
    lab_page.evaluate(
        """async () => {
            const { commands, shell } = window.jupyterapp;
            shell.currentWidget.content.activeCellIndex = 1;
            await commands.execute('notebook:clear-cell-output');
        }"""
    )
    expect(lab_page.locator(".p2plab-view")).to_have_count(1)
    run(lab_page, "lab.run(1)")
    expect(lab_page.locator(TIME)).to_have_text("9.000 s")
    lab_page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    wait_until_idle(lab_page)
    run_all_cells(lab_page)
    expect(lab_page.locator(".p2plab-view")).to_have_count(2)
    for place in lab_page.locator(".p2plab-view").all():
        expect(place.locator(TIME)).to_have_text("8.000 s")


def test_the_keys_of_a_view_are_not_the_notebooks_and_escape_gives_them_back(lab_page: Page) -> None:
    track = lab_page.locator(".p2plab-track").first
    cells = lab_page.locator(".jp-Cell").count()
    track.focus()
    for key in ("ArrowLeft", "a", "b", "Home"):
        lab_page.keyboard.press(key)
    expect(lab_page.locator(TIME).first).to_have_text("0.000 s of 8.000 s")
    assert lab_page.locator(".jp-Cell").count() == cells, "a and b make cells in the notebook"
    lab_page.keyboard.press("Escape")
    assert track.evaluate("(element) => document.activeElement !== element")


# -- the page without a kernel


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[Path, Lab]:
    """A page of a run with hostile names, and its lab."""
    lab = Lab(seed=7)
    nodes = [lab.start_node(name) for name in (EVIL, "alice", "bob", "carol")]
    lab.wire("ring")
    for node in nodes:
        node.subscribe(WORSE)
    lab.run(3)
    for number in range(5):
        nodes[number % 3].publish(WORSE, WORSE)
        lab.run(1)
    nodes[3].crash()
    lab.run(2)
    graph = lab.graph(topic=WORSE)
    page = graph.save(tmp_path / "run.html")
    graph.close()
    return page, lab


def test_the_page_plays_the_run_as_the_fold_says_it_was(page: Page, recorded: tuple[Path, Lab]) -> None:
    path, lab = recorded
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text))
    show(page, path)
    view = page.locator(".p2plab-view")
    expect(view.locator(TIME)).to_have_text("10.00 s")
    for t in (0.0, 2.5, 8.0, 8.5, 10.0):
        page.evaluate("(t) => p2plab.set('time', t)", t)
        state = lab.events.state(at=t)
        expect(view.locator(FACTS)).to_contain_text(f"{len(state.nodes)} nodes · {len(state.edges)} edge")
        if state.down:
            expect(view.locator(FACTS)).to_contain_text(f"{len(state.down)} down")
    track = view.locator(".p2plab-track")
    track.focus()
    page.keyboard.press("Home")
    expect(view.locator(TIME)).to_have_text("0.000 s of 10.00 s")
    page.keyboard.press("ArrowRight")
    later = [event.t for event in lab.events if event.t > 0]
    expect(view.locator(TIME)).to_contain_text(f"{later[0]:.3f} s")
    view.locator("select", has=page.locator("option", has_text="100×")).select_option("100")
    page.keyboard.press(" ")
    expect(view.locator(TIME)).to_have_text("10.00 s")
    assert said == []
    lab.close()


def test_hostile_text_in_a_page_of_any_view_is_only_text(page: Page, recorded: tuple[Path, Lab]) -> None:
    """Names, topics, payloads, keys, namespaces, files, regions: in every view, the dashboard, and their pages."""
    _, lab = recorded
    evil, alice = lab[EVIL], lab["alice"]
    lab.network.add_nat(lab.start_node("hidden"))
    alice.dht.put(f"/lab/{WORSE}", WORSE.encode())
    evil.discovery.advertise(WORSE)
    assert len(alice.discovery.find(WORSE)) == 1
    folder = recorded[0].with_name("folder")
    folder.mkdir()
    (folder / EVIL).write_text(WORSE)
    assert [entry.name for entry in alice.content.ls(evil.content.add(folder))] == [EVIL]
    published = lab.events.filter(kind="pubsub.publish")[0]
    found = lab.events.filter(kind="discovery.found")[-1]
    lab.cursor.selection = {"kind": "message", "id": published.ref}
    regions = {str(node): f"{WORSE}{number}" for number, node in enumerate(lab.nodes)}
    graph = lab.graph(topic=WORSE, regions=regions, colour="region", layers=LAYERS)
    views = [graph, lab.timeline(), lab.views.gossip(WORSE), lab.views.dht(), lab.views.connections()]
    for view in [*views, lab.views.content(), lab.views.inspector(), lab.dashboard(), None]:
        if view is None:
            lab.cursor.selection = {"kind": "event", "id": found.seq}
            view = lab.views.inspector()
        path = view.save(recorded[0].with_name(f"{type(view).__name__}.html"))
        view.close()
        show(page, path)
        expect(page.locator(".p2plab-world").first).to_have_text("mock")
        page.evaluate("p2plab.set('time', 5)")
        expect(page.locator(TIME).last).to_contain_text("5.000 s of")
        page.evaluate("p2plab.set('time', null)")
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert page.evaluate("window.harmed") is None, path
        assert page.locator("img[src=x]").count() == 0, path
        text = path.read_text()
        assert EVIL not in text, "what was recorded is packed, and no parser of HTML reads it"
        assert WORSE not in text
        assert EVIL not in view.svg()
    lab.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_of_the_frame_are_readable(page: Page, recorded: tuple[Path, Lab], scheme: str) -> None:
    path, lab = recorded
    lab.close()
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    show(page, path)
    expect(page.locator(TIME)).to_have_text("10.00 s")
    low = page.evaluate(
        """() => {
            const linear = (share) => (share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
            const channel = (value) => linear(value / 255);
            const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
            const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
            const ground = (element) => {
                for (let at = element; at; at = at.parentElement) {
                    const colour = parse(getComputedStyle(at).backgroundColor);
                    if (colour.length === 3 || colour[3] === 1) return colour.slice(0, 3);
                }
                return [255, 255, 255];
            };
            const low = [];
            const words = ['title', 'facts', 'sentence', 'legend', 'time', 'choice', 'live', 'here'];
            for (const element of document.querySelectorAll(words.map((word) => `.p2plab-${word}`).join())) {
                const a = luminance(parse(getComputedStyle(element).color)), b = luminance(ground(element));
                const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
                if (ratio < 4.5) low.push(`${element.className} ${ratio.toFixed(2)}`);
            }
            return low;
        }"""
    )
    assert low == []


def test_the_page_tells_what_happened_and_what_it_cannot_do_without_p2plab(
    page: Page, recorded: tuple[Path, Lab]
) -> None:
    path, lab = recorded
    show(page, path)
    page.evaluate("p2plab.set('time', 8)")
    page.locator(".p2plab-here").click()
    crash = lab.events.filter(kind="node.crashed")[0]
    events = page.locator(".p2plab-events")
    expect(events).to_contain_text("node.crashed")
    page.locator(".p2plab-event", has_text="node.crashed").click()
    assert page.evaluate("p2plab.get('selection')") == {"kind": "event", "id": crash.seq}
    layout = page.get_by_label("Layout")
    layout.select_option("circle")
    expect(page.locator(".p2plab-note")).to_contain_text("another layout, open the run with p2plab")
    expect(layout).to_have_value("force")
    lab.close()


@pytest.mark.slow
def test_a_hundred_thousand_updates_leave_the_page_no_larger(page: Page, recorded: tuple[Path, Lab]) -> None:
    path, lab = recorded
    lab.close()
    show(page, path)
    expect(page.locator(TIME)).to_have_text("10.00 s")
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.enable")

    def heap_after(updates: int) -> int:
        page.evaluate(
            """async (updates) => {
                const end = p2plab.bar.end;
                for (let i = 0; i < updates; i++) {
                    p2plab.set("time", (i % 1000) * end / 1000);
                    if (i % 500 === 0) await new Promise(requestAnimationFrame);
                }
            }""",
            updates,
        )
        session.send("HeapProfiler.collectGarbage")
        return int(session.send("Runtime.getHeapUsage")["usedSize"])

    first = heap_after(5_000)
    later = heap_after(95_000)
    assert later < first + 5_000_000, (first, later)
    assert page.locator(".p2plab-view *").count() < 2_000
