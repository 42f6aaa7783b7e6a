"""The content view as a person uses it: keys go from block to block, choices reach Python, names are text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from p2plab import Lab
from p2plab.content.dag_pb import PBLink, PBNode, encode_node
from tests.browser.view_page import ViewPage

EVIL = "<img src=x onerror=window.harmed=1>"
LOW = """() => {
    const linear = (share) => (share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
    const luminance = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
    const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
    const low = [];
    for (const text of document.querySelectorAll(".p2plab-dag-cell text")) {
        const box = text.parentNode.querySelector("rect");
        const [a, b] = [text, box].map((one) => luminance(parse(getComputedStyle(one).fill)));
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) low.push(`${text.textContent} ${ratio.toFixed(2)}`);
    }
    return low;
}"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """bob has a file of three chunks, two of them alike, from alice, in a folder where it has a hostile name."""
    with Lab(seed=7) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        lab.wire("full")
        file = alice.content.add(bytes(range(256)) * 10_000)
        folder = PBNode((PBLink(file, EVIL, 3),))
        bob.content.fetch(alice.content.blocks.put(encode_node(folder), codec="dag-pb"))
        yield lab


def test_keys_go_from_block_to_block_and_enter_selects_what_brought_it(page: Page, lab: Lab) -> None:
    view = lab.views.content(linked=False)
    shown = ViewPage(page, view)
    shown.pass_on()
    picture, said = page.locator(".p2plab-dag > svg"), page.locator(".p2plab-dag .p2plab-matrix-said")
    assert str(picture.get_attribute("aria-label")).endswith("4 cells in 3 levels; arrow keys move, Enter selects")
    picture.focus()
    for key, words in (
        ("ArrowDown", "dag-pb"), ("ArrowDown", EVIL), ("ArrowDown", "raw, 1 MiB"), ("ArrowRight", "raw, 452 KiB"),
    ):  # fmt: skip
        page.keyboard.press(key)
        expect(said).to_contain_text(words)
    page.keyboard.press("Enter")
    shown.pass_on()
    selection = view.cursor.selection
    assert selection is not None
    came = lab.events[selection["id"]]
    assert (came.kind, came.node, came.peer) == ("bitswap.block", "bob", "alice")
    assert str(came.ref) in str(said.text_content())
    assert page.locator('.p2plab-dag-cell[aria-pressed="true"]').count() == 1
    expect(page.locator(".p2plab-dag-cell text", has_text=EVIL[:10])).to_have_count(1)
    assert page.locator("img[src=x]").count() == 0
    assert page.evaluate("window.harmed") is None
    view.close()


def test_going_back_in_time_takes_the_blocks_away_again(page: Page, lab: Lab) -> None:
    view = lab.views.content(linked=False)
    shown = ViewPage(page, view)
    shown.pass_on()
    legend = page.locator(".p2plab-dag .p2plab-legend")
    expect(legend).to_have_text("1 alice")
    first = lab.events.filter(kind="bitswap.block", node="bob")[0]
    view.at(first.t)
    shown.pass_on()
    expect(legend).to_contain_text("not asked for so far")
    expect(page.locator(".p2plab-sentence")).to_contain_text("bob has 1 block of")
    expect(page.locator("h4", has_text="Wantlists")).to_be_attached()
    view.close()


@pytest.mark.parametrize("dark", [False, True])
def test_words_in_blocks_are_readable(page: Page, lab: Lab, dark: bool) -> None:
    view = lab.views.content(linked=False)
    ViewPage(page, view, dark=dark).pass_on()
    page.locator(".p2plab-dag-cell text").first.wait_for()
    assert page.evaluate(LOW) == []
    view.close()
