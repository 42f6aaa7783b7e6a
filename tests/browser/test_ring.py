"""The picture of the key space."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from p2plab import Lab

OVER_EACH_OTHER = """() => {
  const boxes = [...document.querySelectorAll(".p2plab-ring-number")].map((one) => one.getBoundingClientRect());
  return boxes.flatMap((a, at) => boxes.slice(at + 1).filter((b) =>
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)).length;
}"""


def test_the_steps_of_a_lookup_are_numbered_apart_where_peers_are_close(page: Page, tmp_path: Path) -> None:
    with Lab(seed=3) as lab:
        lab.start_nodes(60)
        lab.dht.fill()
        lab["n0"].dht.put("/lab/greeting", b"hi")
        lab["n40"].dht.get("/lab/greeting")
        path = lab.views.dht().save(tmp_path / "dht.html")
    page.goto(path.as_uri())
    expect(page.locator(".p2plab-ring-number")).to_have_count(20)
    assert page.evaluate(OVER_EACH_OTHER) == 0
