"""What the live graph costs where it matters, in CPU and bytes, which a busy machine does not change: an update in the
kernel, and a frame in the browser. Three messages a second, ten updates a second, played from a recording."""

from __future__ import annotations

import json
import time
from statistics import mean
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from p2plab import Lab
from p2plab_widgets.publisher import publisher
from tests.browser.graph_page import MODEL, in_base64

UPDATES, EVERY = 60, 0.1  # how many, and lab seconds between two
TRAITS = (
    *("time", "selection", "height", "large", "note", "opening", "topic", "topic_label", "details", "message"),
    *("colour", "layout_kind", "layers"),
)
PLAY = """
window.begin = async (url, traits) => {
  const { default: factory } = await import(url);
  window.model = new Model(traits);
  const widget = factory(), el = document.createElement("div");
  await widget.initialize({ model });
  document.body.append(el);
  widget.render({ model, el });
};
window.say = (said) => said.forEach(([content, buffers]) => model.emit("msg:custom", content, buffers.map(bytes)));
window.play = (updates, every) => new Promise((done) => {
  let at = 0;
  const timer = setInterval(() => (at < updates.length ? say(updates[at++]) : done(clearInterval(timer))), every);
});
"""


def recorded(count: int) -> tuple[Any, dict[str, Any], list[list[Any]], list[float]]:
    """The graph of a lab with traffic: its traits, what it says at each update, and the seconds of CPU it takes to."""
    with Lab(seed=7) as lab:
        lab.start_nodes(count)
        lab.wire("random", degree=8)
        for node in lab.nodes:
            node.subscribe("news")
        lab.run(3)
        graph = lab.graph()
        publisher.remove(graph)
        graph.seen.expect()
        said: list[Any] = []
        graph.send = lambda content, buffers=None: said.append([content, [bytes(each) for each in buffers or []]])
        traits = {name: getattr(graph, name) for name in TRAITS}
        graph._heard(graph, {"hello": True}, [])
        updates, took = [said[:]], []
        for number in range(UPDATES):
            said.clear()
            if number % 3 == 0:
                lab[f"n{number * 7 % count}"].publish("news", b"x")
            lab.run(EVERY)
            began = time.thread_time()
            graph.refresh(only_if_changed=True)
            took.append(time.thread_time() - began)
            updates.append(said[:])
        graph.close()
        return graph, traits, updates, took


@pytest.mark.parametrize("count", [500, 1000, 2000])
def test_cost_of_an_update_and_a_frame(count: int, browser: Browser, page: Page) -> None:
    graph, traits, updates, took = recorded(count)
    packed = [[[content, list(map(in_base64, buffers))] for content, buffers in said] for said in updates]
    first, *rest = json.loads(json.dumps(packed, default=str))
    sizes = [len(json.dumps(said)) for said in rest]
    page.set_viewport_size({"width": 1366, "height": 768})
    page.set_content(f"<style>body {{ width: 1000px }} {graph._css}</style><body></body><script>{MODEL}{PLAY}</script>")
    url = "data:text/javascript;base64," + in_base64(graph._esm.encode())
    page.evaluate(f"begin({json.dumps(url)}, {json.dumps(traits, default=str)})")
    page.evaluate("(said) => say(said)", first)
    page.locator('.p2plab-graph[data-resting="true"]').wait_for()
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def so_far() -> tuple[float, float, int]:
        found = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        painted = page.locator(".p2plab-graph").get_attribute("data-painted")
        return found["TaskDuration"], found["ScriptDuration"], int(painted or 0)

    page.evaluate("(updates) => { window.updates = updates; }", rest)
    before = so_far()
    page.evaluate(f"play(updates, {1000 * EVERY})")
    tasks, scripts, frames = (now - then for now, then in zip(so_far(), before, strict=True))
    print(
        f"\n{count} nodes: an update takes {1e3 * mean(took):.1f} ms of the kernel's CPU and {mean(sizes):,.0f} B, "
        f"a frame {1e3 * tasks / frames:.2f} ms of the page's main thread ({1e3 * scripts / frames:.2f} ms of them in "
        f"scripts); {frames} frames for {UPDATES} updates"
    )
    assert frames > UPDATES
