"""Whatever a peer can choose is shown as text: a script in any of it does not run, in a real JupyterLab."""

from __future__ import annotations

from collections.abc import Callable

import nbformat
from playwright.sync_api import Page, expect

from tests.browser.jupyterlab import JupyterServer, run_all_cells, wait_until_idle

EVIL = "<img src=x onerror=window.harmed=1>"  # a node's name holds no slash
WORSE = f"{EVIL}</script><script>window.harmed=2</script>$\\href{{javascript:harmed=3}}{{x}}$"

SETUP = f"""
import p2plab.host.verbs.peers
from p2plab import Lab

EVIL, WORSE = {EVIL!r}, {WORSE!r}
p2plab.host.verbs.peers.AGENT_VERSION = WORSE  # what a hostile peer says of itself
lab = Lab(seed=7)
nodes = [lab.start_node(name) for name in (EVIL, "alice", "bob")]
lab.wire("full")
alice = lab["alice"]
info = alice.identify(EVIL)
assert info.agent_version == WORSE
news = [node.subscribe(WORSE) for node in nodes]
graph = lab.graph(topic=WORSE)
graph
"""
CONSOLE = "console = lab.console(node=EVIL)\nconsole.topic.value = console.message.value = WORSE\nconsole"
MESSAGE = "lab.run(1)\nmessage = nodes[0].publish(WORSE, WORSE)\nlab.run(1)\nreceived = alice.subscribe(WORSE)\nmessage"
REST = (
    "info",
    "[lab, nodes, lab.edges(), news, alice.peers(), alice.connections(), lab.events]",
    "lab.why(news[1].messages[0])",
    "graph.selected = EVIL",
    "graph.note = WORSE",
    "timeline = lab.timeline(topic=WORSE, nodes='<img')\ntimeline",
)
CARD = "graph.details = {'name': EVIL, 'short': WORSE, 'addresses': [WORSE], 'agent': WORSE, 'error': WORSE}"


def run(page: Page, source: str) -> None:
    """Run one more line in the notebook's kernel, as if from a cell, and wait until it is done."""
    page.evaluate(
        """async (code) => {
            const { shell } = window.jupyterapp;
            await shell.currentWidget.sessionContext.session.kernel.requestExecute({ code }).done;
        }""",
        source,
    )
    wait_until_idle(page)


def test_scripts_in_what_peers_choose_are_only_text(
    jupyter: JupyterServer, open_notebook: Callable[[str], Page]
) -> None:
    cells = [nbformat.v4.new_code_cell(source) for source in (SETUP, CONSOLE, MESSAGE, *REST)]
    control = nbformat.v4.new_code_cell(f"from IPython.display import HTML\nHTML({EVIL!r})")
    metadata = {"kernelspec": {"name": "python3", "display_name": ""}}
    for name, content in (("hostile.ipynb", cells), ("control.ipynb", [control])):
        nbformat.write(nbformat.v4.new_notebook(cells=content, metadata=metadata), jupyter.root / name)

    page = open_notebook("hostile.ipynb")
    run_all_cells(page)
    assert page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').all_text_contents() == []
    graph, console = page.locator(".p2plab-graph"), page.locator(".p2plab-console")
    card = graph.locator(".p2plab-card")
    expect(card.locator(".p2plab-card-title")).to_contain_text(EVIL)
    expect(card).to_contain_text(WORSE)  # its topic, and its agent
    expect(graph.locator(".p2plab-topic-select")).to_contain_text(f"{WORSE} (3)")
    expect(graph.locator(".p2plab-note")).to_have_text(WORSE)
    run(page, CARD)
    expect(card.locator("dd").filter(has_text=WORSE)).to_have_count(5)  # one of them is the topic

    graph.get_by_role("button", name="all nodes as a list").click()
    expect(graph.locator(".p2plab-list-name").first).to_have_text(EVIL)
    timeline = page.locator(".p2plab-timeline")
    timeline.scroll_into_view_if_needed()
    expect(timeline.locator("option", has_text=WORSE[:60]).first).to_be_attached()
    expect(timeline.locator(".p2plab-sentence")).to_contain_text("events from")

    console.scroll_into_view_if_needed()
    for button in ("subscribe", "publish", "connect"):
        console.locator(f"button.p2plab-{button}").click()
    expect(console.locator(".p2plab-line-python")).to_have_count(3)  # what was refused has its line, too
    console.locator("button.p2plab-run").click()
    received = console.locator(".p2plab-line-message")
    expect(received).to_contain_text(f"received “{WORSE[:20]}")
    expect(console.locator(".p2plab-line-error")).to_contain_text("Error")

    for view in ("graph", "console", "timeline"):
        expect(page.locator(f".p2plab-{view} :is(img, script)")).to_have_count(0)
    assert page.evaluate("window.harmed") is None

    # The same page is harmed by HTML: the check above can fail.
    page = open_notebook("control.ipynb")
    run_all_cells(page)
    page.wait_for_function("window.harmed === 1")
