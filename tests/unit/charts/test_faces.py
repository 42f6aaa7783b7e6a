"""Charts are saved, read without eyes, shown in light and dark, and take a peer's text for text."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from p2plab import Lab, charts
from p2plab.charts.description import Axis, Description, Panel, Series
from p2plab.charts.painters.colours import DARK, LIGHT, contrast
from p2plab.charts.painters.scale import Scale, scale_of
from p2plab.charts.painters.svg import EM, paint
from p2plab.errors import ConfigurationError, ValidationError
from p2plab.pubsub import Message
from tests.unit.charts.reading import SVG, panels_of

Gossip = tuple[Lab, list[Message]]
ALL = ("latency", "throughput", "bandwidth", "mesh_sizes", "duplicates", "scores", "lookups", "transfers")
HOSTILE = "<script>alert(1)</script>$$\\href{javascript:alert(1)}{x}$$\u202e\x07" + "z" * 900


@pytest.mark.parametrize("name", ALL)
def test_a_chart_without_anything_to_show_says_so(name: str) -> None:
    with Lab(seed=1) as lab:
        chart = getattr(charts, name)(lab)
    assert chart.rows == []
    assert re.match(r"no |nothing ", chart.sentence)
    ElementTree.fromstring(chart.svg())
    assert chart.figure is chart.figure


@pytest.mark.parametrize("name", ALL)
def test_every_chart_has_units_a_sentence_and_the_assumptions_of_its_run(gossip: Gossip, name: str) -> None:
    chart = getattr(charts, name)(gossip[0])
    root = ElementTree.fromstring(chart.svg())
    title, description, *_ = root
    assert title.text == chart.description.title
    assert chart.sentence in str(description.text)
    assert "mock lab, seed 7; 12 nodes; recording level all" in str(description.text)
    panels = [group for group in root.iter("{http://www.w3.org/2000/svg}g") if group.get("class") == "panel"]
    for panel in panels:
        assert str(panel.get("data-x")).endswith(")")
        assert str(panel.get("data-y")).endswith(")") or "share" in str(panel.get("data-y"))
    text = chart.text()
    assert chart.sentence in text
    assert chart.columns[0] in text
    assert chart._repr_mimebundle_()["image/svg+xml"] == chart.svg()
    assert list(chart.data.columns) == chart.columns
    assert len(chart.data) == len(chart.rows)


def test_a_chart_is_saved_as_svg_png_pdf_and_html(gossip: Gossip, tmp_path: Path) -> None:
    chart = charts.latency(gossip[0])
    svg = chart.save(tmp_path / "a.svg")
    ElementTree.parse(svg)
    assert chart.save(str(tmp_path / "a.png")).read_bytes().startswith(b"\x89PNG")
    assert chart.save(tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    page = chart.save(tmp_path / "a.html", theme="dark").read_text(encoding="utf-8")
    assert chart.sentence in page
    assert not re.search(r"<(script|link)[^>]+(src|href)=", page)


def test_a_png_has_the_pixels_asked_for_and_the_curve_s_colour(gossip: Gossip, tmp_path: Path) -> None:
    from PIL import Image

    chart = charts.latency(gossip[0])
    for theme, palette in (("light", LIGHT), ("dark", DARK)):
        with Image.open(chart.save(tmp_path / f"{theme}.png", theme=theme, scale=1)) as image:  # type: ignore[arg-type]
            assert image.width == 640
            pixels = image.convert("RGB").tobytes()
        colours = {f"#{pixels[at : at + 3].hex()}" for at in range(0, len(pixels), 3)}
        assert palette.paper in colours
        assert palette.series[0] in colours


def test_a_file_that_cannot_be_written_is_one_sentence(gossip: Gossip, tmp_path: Path) -> None:
    chart = charts.latency(gossip[0])
    with pytest.raises(ValidationError, match=r"saved as \.svg, \.png, \.pdf or \.html, and 'x\.gif'"):
        chart.save(tmp_path / "x.gif")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        chart.save(tmp_path / "nowhere" / "x.svg")
    with pytest.raises(ValidationError, match="scale"):
        chart.save(tmp_path / "x.png", scale=-1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.dear
@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_text_that_a_peer_chose_is_text_in_every_face(theme: str, tmp_path: Path) -> None:
    with Lab(seed=2) as lab:
        alice, bob = lab.start_nodes(2)
        alice.connect(bob)
        for node in (alice, bob):
            node.subscribe(HOSTILE)
        lab.run(2)
        alice.publish(HOSTILE, b"x")
        lab.run(1)
        for name in ("latency", "mesh_sizes", "duplicates"):
            chart = getattr(charts, name)(lab, topic=HOSTILE)
            svg = chart.svg(theme)
            root = ElementTree.fromstring(svg)
            tags = {element.tag.partition("}")[2] for element in root.iter()}
            assert tags <= {"svg", "title", "desc", "style", "rect", "text", "g", "path", "circle"}
            assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]
            shown = "".join(str(element.text) for element in root.iter())
            assert "<script>" in shown
            assert not {"\u202e", "\x07"} & set(svg + chart.text())
            assert max(len(str(element.text or "")) for element in root.iter()) < 2200
            page = chart.save(tmp_path / "x.html").read_text(encoding="utf-8")
            assert "<script>alert(1)" not in page
        mesh = charts.mesh_sizes(lab)
        assert "$$" not in str(mesh.figure.legend[0].items[0].label)


def test_what_a_level_leaves_out_is_said() -> None:
    def run(level: str) -> Lab:
        lab = Lab(seed=4, recording=level)
        alice, bob = lab.start_nodes(2)
        alice.connect(bob)
        for node in (alice, bob):
            node.subscribe("news")
        lab.run(2)
        alice.publish("news", b"x" * 50)
        lab.run(1)
        return lab

    with run("messages") as lab:
        chart = charts.bandwidth(lab)
        assert {row[0] for row in chart.rows} == {"messages, first copy"}
        assert any("pubsub messages only" in note for note in chart.notes)
    with run("decisions") as lab:
        for name in ("latency", "throughput", "duplicates"):
            assert "not recorded at level decisions" in getattr(charts, name)(lab).sentence
        assert charts.mesh_sizes(lab).rows
    with run("counters") as lab:
        assert any("not recorded at level counters" in note for note in charts.mesh_sizes(lab).notes)


def test_what_is_no_source_is_one_sentence(gossip: Gossip) -> None:
    for name in ALL:
        with pytest.raises(ValidationError, match="takes a lab, an event log"):
            getattr(charts, name)(42)
    with pytest.raises(ValidationError, match=r"did you mean news\?"):
        charts.latency(gossip[0], topic="new")
    with pytest.raises(ValidationError, match="lies before"):
        charts.latency(gossip[0], since=3, until=1)
    with pytest.raises(ValidationError, match="number of seconds"):
        charts.latency(gossip[0], since="yesterday")  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match=r"what p2plab\.sweep"):
        charts.sweep(gossip[0])
    with pytest.raises(ValidationError, match=r"what lab\.compare"):
        charts.comparison(gossip[0])


def test_asking_for_charts_changes_nothing(gossip: Gossip) -> None:
    lab, _ = gossip
    before = lab.events.digest()
    for name in ALL:
        chart = getattr(charts, name)(lab)
        chart.figure, chart.text(), chart.again()
    assert lab.events.digest() == before


def test_a_live_chart_takes_in_what_happens_and_keeps_its_figure() -> None:
    with Lab(seed=6) as lab:
        nodes = lab.start_nodes(4)
        lab.wire("full")
        for node in nodes:
            node.subscribe("news")
        lab.run(2)
        nodes[0].publish("news", b"x")
        lab.run(1)
        live = charts.duplicates(lab).live(seconds=3600)
        try:
            figure = live._drawn
            assert not live.refresh()
            nodes[1].publish("news", b"y")
            lab.run(1)
            assert live.refresh()
            assert len(live.chart.rows) == 2
            sources = [r.data_source for r in live._drawn.renderers if r.name == "messages"]
            assert sources
            assert all(source.data["x"] == [row[3] for row in live.chart.rows] for source in sources)
            assert figure is not None
            with pytest.raises(ValidationError, match=r"0\.5 to 3600"):
                charts.duplicates(lab).live(seconds=0.1)
        finally:
            live.close()


def test_colours_stand_out_on_their_ground() -> None:
    for palette in (LIGHT, DARK):
        assert min(contrast(text, palette.paper) for text in (palette.ink, palette.muted)) >= 4.5
        assert min(contrast(colour, palette.paper) for colour in palette.series) >= 3
        assert contrast(palette.line, palette.paper) >= 3
        assert len(set(palette.series)) == 8
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize(
    ("values", "log", "ticks"),
    [
        ((0, 1), False, ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        ((0, 31.4), False, ["0", "10", "20", "30"]),
        ((0.02, 5), True, ["0.01", "0.1", "1", "10"]),
        ((0, 12_000), False, ["0", "2,000", "4,000", "6,000", "8,000", "10,000", "12,000"]),
    ],
)
def test_ticks_are_round(values: tuple[float, ...], log: bool, ticks: list[str]) -> None:
    scale = scale_of(Axis("x", log=log), values, 0, 100)
    assert [text for _, text in scale.ticks()] == ticks
    for pixel in (0, 33, 100):
        assert scale.at(scale.value(pixel)) == pytest.approx(pixel)
    assert isinstance(scale, Scale)


@pytest.mark.dear
def test_charts_need_neither_bokeh_nor_pandas_until_asked_for_them() -> None:
    code = """
import sys
import p2plab
with p2plab.Lab(seed=1) as lab:
    lab.start_nodes(2)
    p2plab.charts.latency(lab).svg()
print({"bokeh", "pandas", "numpy", "jupyter_bokeh", "vl_convert"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(("width", "height"), [(240, 140), (420, 300), (900, 200), (640, 700)])
def test_a_chart_fills_the_room_it_is_given(gossip: Gossip, width: int, height: int) -> None:
    lab, _ = gossip
    document = ElementTree.fromstring(charts.latency(lab).svg(width=width, height=height, bare=True))
    assert (document.get("width"), document.get("height")) == (
        str(width),
        str(max(height, 144)),
    )  # less and it has no axis
    for bad in (99, 5000, True, 1.5, "300"):
        with pytest.raises(ValidationError, match="pixels high; take 100 to 4000"):
            charts.latency(lab).svg(height=bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [200, 320, 640])
def test_a_name_in_a_legend_is_cut_where_the_chart_ends(width: int) -> None:
    series = [Series(HOSTILE, "line", (0.0, 1.0), (0.0, 1.0)), Series("other", "points", (0.0, 1.0), (1.0, 0.0))]
    drawn = paint(Description("t", "s", (Panel(Axis("x"), Axis("y"), tuple(series)),)), "light", whole=width)
    names = [text for text in ElementTree.fromstring(drawn).iter(f"{SVG}text") if text.get("x") == "44"]
    assert str(names[0].text).startswith("<script>")
    assert all(float(text.get("x", 0)) + 11 * EM * len(str(text.text)) <= width for text in names)
    (panel,) = panels_of(drawn)
    assert [value for point in panel.series["other"].points for value in point] == pytest.approx([0, 1, 1, 0], abs=0.01)
