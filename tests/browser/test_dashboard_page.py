"""A dashboard saved as one page: its parts play the run together, without a kernel and without a network."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from p2plab import Lab


def test_the_parts_of_a_saved_dashboard_share_a_cursor_and_can_be_arranged(page: Page, tmp_path: Path) -> None:
    with Lab(seed=7) as lab:
        lab.start_nodes(6)
        lab.wire("ring")
        for node in lab.nodes:
            node.subscribe("news")
        lab.run(3)
        lab["n0"].publish("news", "<img src=x onerror='window.hacked=1'>")
        lab.run(1)
        path = lab.dashboard().save(tmp_path / "run.html")
    failed: list[str] = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.set_viewport_size({"width": 1366, "height": 768})
    page.goto(path.as_uri())
    board = page.locator(".p2plab-dashboard")
    for part in ("graph", "timeline", "inspector", "chart", "feed"):
        expect(board.locator(f"[data-part={part}] .p2plab-sentence")).not_to_be_empty()
    expect(board.locator("[data-part=console]")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")  # all of it on a laptop's screen

    # One bar moves them all, and a part's own keys move all too.
    page.locator(".p2plab-dashboard > .p2plab-foot [aria-label^='to the first event']").click()
    expect(board.locator("[data-part=graph] .p2plab-facts")).to_have_text("6 nodes · 6 edges")
    expect(board.locator("[data-part=feed] .p2plab-table")).to_contain_text("node.started")
    board.locator("[data-part=graph] .p2plab-canvas").press("ArrowRight")
    assert page.evaluate("p2plab.parts.feed.part.get('time') === p2plab.get('time')")
    page.locator(".p2plab-dashboard > .p2plab-foot .p2plab-live").click()
    expect(board.locator("[data-part=graph] .p2plab-facts")).to_contain_text("1 message")

    # What is selected in one is looked into by another.
    board.locator("[data-part=feed] .p2plab-pick").first.click()
    assert page.evaluate("p2plab.parts.inspector.part.get('selection')?.kind") is not None

    # Larger type is for all of them, and is taken back.
    large = board.locator("> .p2plab-head .p2plab-large-button")
    for whether in (True, False):
        large.click()
        for part in ("graph", "timeline", "inspector", "chart", "feed"):
            expect(board.locator(f"[data-part={part}] .p2plab-large")).to_have_count(int(whether))

    # Parts go and come back.
    board.locator("[data-part=chart] .p2plab-away").click()
    expect(board.locator("[data-part=chart]")).to_have_count(0)
    page.locator(".p2plab-dashboard > .p2plab-foot [aria-label^='to the first event']").click()
    expect(board.locator("[data-part=chart]")).to_have_count(0)
    board.locator(".p2plab-menu select").first.select_option("chart")
    expect(board.locator("[data-part=chart] .p2plab-sentence")).not_to_be_empty()
    assert failed == []
    assert page.evaluate("window.hacked") is None
