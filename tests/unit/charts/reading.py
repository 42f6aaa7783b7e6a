"""Numbers read back from the pixels of an SVG and from Bokeh's document."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from p2plab.charts.painters.scale import Scale

SVG = "{http://www.w3.org/2000/svg}"


@dataclass
class ReadSeries:
    name: str
    points: list[tuple[float, float]]
    whiskers: list[tuple[float, float]]


@dataclass
class ReadPanel:
    x: Scale
    y: Scale
    series: dict[str, ReadSeries]
    marks: dict[str, list[float]]
    resolution: tuple[float, float]  # the value of half a hundredth of a pixel, at linear axes


def _scale(words: str) -> Scale:
    kind, low, high, start, end = words.split()
    return Scale(float(low), float(high), float(start), float(end), kind == "log")


def panels_of(svg: str) -> list[ReadPanel]:
    """Every panel of a chart, as somebody with a ruler would read it."""
    root = ElementTree.fromstring(svg)
    return [_panel(group) for group in root.iter(f"{SVG}g") if group.get("class") == "panel"]


def _panel(group: ElementTree.Element) -> ReadPanel:
    x, y = _scale(str(group.get("data-x-scale"))), _scale(str(group.get("data-y-scale")))
    series = {}
    for one in group.iter(f"{SVG}g"):
        if one.get("class") == "series":
            read = _series(one, x, y)
            series[read.name] = read
    marks: dict[str, list[float]] = {"x": [], "y": []}
    for path in group.iter(f"{SVG}path"):
        if path.get("class") == "mark":
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", str(path.get("d")))]
            axis = str(path.get("data-axis"))
            marks[axis].append(x.value(numbers[0]) if axis == "x" else y.value(numbers[1]))
    resolution = (abs(x.value(1) - x.value(0)) * 0.02, abs(y.value(1) - y.value(0)) * 0.02)
    return ReadPanel(x, y, series, marks, resolution)


def _series(group: ElementTree.Element, x: Scale, y: Scale) -> ReadSeries:
    points, whiskers = [], []
    for element in group.iter():
        kind = (element.get("class") or "").split(" ")[-1]
        if kind == "curve":
            points += [(x.value(px), y.value(py)) for px, py in _way(str(element.get("d")))]
        elif kind == "span":
            (px, py), (end, _) = _way(str(element.get("d")))
            points.append((x.value(end), y.value(py)))
            whiskers.append((x.value(px), x.value(end)))
        elif kind == "point":
            if element.tag == f"{SVG}circle":
                px, py = float(str(element.get("cx"))), float(str(element.get("cy")))
            else:
                px, py = _way(str(element.get("d")).split("m")[0])[0]
            points.append((x.value(px), y.value(py)))
        elif kind == "whisker":
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", str(element.get("d")))]
            whiskers.append((y.value(numbers[1]), y.value(numbers[2])))
    return ReadSeries(str(group.get("data-name")), points, whiskers)


def _way(d: str) -> list[tuple[float, float]]:
    """The corners of a path of M, L, H and V."""
    corners: list[tuple[float, float]] = []
    px = py = 0.0
    for letter, rest in re.findall(r"([MLHV])([^MLHV]*)", d):
        numbers = [float(number) for number in rest.split()]
        if letter in "ML":
            px, py = numbers
        elif letter == "H":
            px = numbers[0]
        else:
            py = numbers[0]
        corners.append((px, py))
    return corners


def sources_of(figure: Any) -> dict[str, dict[str, list[Any]]]:
    """The columns of each series in Bokeh's own JSON of a figure."""
    from bokeh.document import Document

    document = Document()
    document.add_root(figure)
    found: dict[str, dict[str, list[Any]]] = {}
    for model in figure.references():
        if type(model).__name__ == "ColumnDataSource" and model.name is not None:
            found[model.name] = dict(model.data)
    json = document.to_json()
    document.remove_root(figure)
    assert all(name in str(json) for name in found)
    return found
