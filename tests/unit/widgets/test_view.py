"""What all views have alike, over the smallest view there is."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import Lab
from p2plab.errors import ConfigurationError, ValidationError
from tests.browser.toy.names import Names


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What views send to their pages."""
    sent: list[Any] = []
    monkeypatch.setattr(Names, "send", lambda self, content, buffers=None: sent.append(content))
    return sent


def test_views_of_one_lab_move_together_unless_told_otherwise(lab: Lab) -> None:
    lab.run(1)
    one, two, alone = Names(lab), Names(lab), Names(lab, linked=False)
    one.at(0.5)
    assert (two.time, alone.time, lab.cursor.time) == (0.5, None, 0.5)
    two.time = None
    assert one.time is None
    two.selection = {"kind": "node", "id": "alice"}
    assert one.selection == lab.cursor.selection == {"kind": "node", "id": "alice"}
    assert alone.selection is None
    alone.at(0.25)
    assert lab.cursor.live
    for view in (one, two, alone):
        view.close()
    lab.cursor.at(0.1)
    assert one.time is None


def test_what_is_no_moment_and_no_selection_is_refused_and_changes_nothing(lab: Lab) -> None:
    view = Names(lab)
    for name, wrong in (("time", -1.0), ("time", float("nan")), ("selection", {"kind": "planet", "id": 1})):
        with pytest.raises(ValidationError):
            setattr(view, name, wrong)
        assert getattr(view, name) is None
        assert lab.cursor.live
    view.close()


def test_a_moment_in_the_past_is_shown_as_it_was(lab: Lab) -> None:
    lab.run(1)
    lab["bob"].crash()
    lab.run(1)
    view = Names(lab)
    assert view.content(None)["down"] == ["bob"]
    assert view.content(0.5)["down"] == []
    assert "2 of 3 run." in view.svg()
    assert "3 of 3 run." in view.svg(at=0.5)
    assert repr(view) == "<Names, mock: 3 nodes, 1 edge, 1 down: 2 of 3 run.>"
    view.at(0.5)
    assert "3 of 3 run." in repr(view)
    view.close()


def test_a_page_that_says_hello_gets_all_of_it(lab: Lab, said: list[Any]) -> None:
    view = Names(lab)
    view._heard(view, {"hello": True}, [])
    assert {"bar", "head", "content"} <= said[-1]["look"].keys()
    assert said[-1]["look"]["content"]["nodes"] == ["alice", "bob", "carol"]
    before = len(said)
    view.refresh()
    assert len(said) == before, "nothing has changed, and it is silent"
    view.close()


def test_the_bar_moves_the_cursor_back_and_the_lab_when_live(lab: Lab, said: list[Any]) -> None:
    lab.run(1)
    lab["bob"].crash()
    digest = lab.events.digest()
    view = Names(lab)

    def do(what: str, value: Any = None) -> None:
        view._heard(view, {"do": what, "value": value}, [])

    do("back")
    assert view.time is not None
    do("home")
    assert view.time == 0
    do("step")
    do("speed", 2.0)
    assert lab.cursor.speed == 2.0
    do("speed", -1)
    assert "speed must be" in view.note
    do("here", True)
    assert said[-1]["look"]["here"]
    do("live")
    assert view.time is None
    assert lab.events.digest() == digest
    do("step")  # of a live mock lab: its next event
    view.close()


@pytest.mark.parametrize(
    ("allow_stdin", "server", "live"), [(False, "", False), (True, "", True), (False, "voila/0.5", True)]
)
def test_what_a_program_executes_holds_the_picture_and_no_widget_that_would_stay_empty(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, allow_stdin: bool, server: str, live: bool
) -> None:
    shell = types.SimpleNamespace(parent_header={"content": {"allow_stdin": allow_stdin}})
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: shell)
    monkeypatch.setenv("SERVER_SOFTWARE", server)
    for view in (lab.graph(), lab.views.connections(), lab.timeline()):
        data, _ = view._repr_mimebundle_()
        assert ("application/vnd.jupyter.widget-view+json" in data) is live
        assert data["image/svg+xml"].startswith("<svg")
    console = lab.console()._repr_mimebundle_()
    data = console[0] if isinstance(console, tuple) else console
    assert ("application/vnd.jupyter.widget-view+json" in data, "text/plain" in data) == (live, True)


def test_it_is_saved_by_the_end_of_the_name(lab: Lab, tmp_path: Path) -> None:
    view = Names(lab)
    assert view.save(tmp_path / "a.svg").read_text().startswith("<svg")
    small, large = (view.save(tmp_path / f"{scale}.png", scale=scale).read_bytes() for scale in (1, 2))
    assert small.startswith(b"\x89PNG")
    assert int.from_bytes(large[16:20], "big") == 2 * int.from_bytes(small[16:20], "big")
    page = view.save(str(tmp_path / "a.html"), at=0.5).read_text()
    assert "http" not in page.replace('http-equiv="Content', "")
    with pytest.raises(ValidationError, match=r"\.svg, \.png or \.html"):
        view.save(tmp_path / "a.jpeg")
    with pytest.raises(ValidationError, match="path of a view"):
        view.save(7)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="cannot be written"):
        view.save(tmp_path / "nowhere" / "a.svg")
    view.close()


def test_a_png_without_its_library_says_what_to_install(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "vl_convert", None)
    view = Names(lab)
    with pytest.raises(p2plab.errors.MissingExtraError, match=r"p2plab\[png\]"):
        view.save(tmp_path / "a.png")
    view.close()


def test_a_log_has_the_same_view_as_its_lab(lab: Lab, tmp_path: Path) -> None:
    lab.run(1)
    lab["bob"].crash()
    view = Names(lab)
    log = p2plab.open(lab.events.save(tmp_path / "run.jsonl"))
    other = Names(log)
    assert other.content(None) == view.content(None)
    assert other.lab is None
    other.at(0)
    assert lab.cursor.live
    view.close()
    other.close()


def test_a_log_that_does_not_say_what_was_is_said_in_the_picture(lab: Lab) -> None:
    lab.events.level = "counters"
    view = Names(lab)
    assert "decisions" in view.opening["error"]
    assert "decisions" in repr(view)
    view.close()


def test_a_closed_lab_can_still_be_looked_at(lab: Lab, said: list[Any]) -> None:
    view = Names(lab)
    lab.run(1)
    lab.close()
    view.publish()
    view.at(0)
    assert said[-1]["look"]["bar"]["time"] == 0
    assert "closed" in view.note
    view.close()


@pytest.mark.parametrize("height", [0, True, 1e3, 5000])
def test_a_height_that_cannot_be_is_refused(lab: Lab, height: Any) -> None:
    with pytest.raises(ValidationError, match="pixels high"):
        Names(lab, height=height)


def test_an_option_that_it_has_not_is_refused_with_the_likely_one(lab: Lab) -> None:
    with pytest.raises(ValidationError, match=r"Names has no option 'heigth'; did you mean height\?"):
        Names(lab, heigth=300)
    with pytest.raises(ValidationError, match=r"ContentView has no option 'zzz'$"):
        lab.views.content(zzz=1)


@pytest.mark.slow
def test_many_updates_leave_the_kernel_no_larger(said: list[Any]) -> None:
    import gc
    import tracemalloc

    with Lab(seed=1, log_limit=5_000) as lab:
        nodes = lab.start_nodes(20)
        lab.wire("random", degree=4)
        for node in nodes:
            node.subscribe("news")
        lab.run(3)
        view, graph = Names(lab), lab.graph()
        graph.seen.expect()

        def update(times: int) -> int:
            for number in range(times):
                nodes[number % 20].publish("news", b"x")
                lab.run(0.1)
                view.refresh()
                graph.refresh()
                view.at(lab.now / 2 if lab.events.dropped == 0 else lab.now)
                view.live()
                said.clear()
            gc.collect()
            ours = [
                tracemalloc.Filter(True, f"*{part}*")
                for part in ("events/state", "events/cursor", "events/marks", "p2plab_widgets")
            ]
            return sum(found.size for found in tracemalloc.take_snapshot().filter_traces(ours).statistics("filename"))

        tracemalloc.start()
        try:
            first, later = update(300), update(900)
        finally:
            tracemalloc.stop()
        assert lab.events.dropped > 30_000
        assert later < first + 500_000, (first, later)
        graph.close()
        view.close()
