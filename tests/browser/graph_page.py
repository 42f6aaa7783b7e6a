"""A PeerGraph's browser half in an empty page, fed with frames by the test: the picture without JupyterLab."""

from __future__ import annotations

import base64
import json
from typing import Any

from playwright.sync_api import Page

from p2plab_widgets.graph.paint import Paint
from p2plab_widgets.graph.past import as_content
from p2plab_widgets.graph.scene import Scene
from p2plab_widgets.graph.widget import MODULE, PeerGraph

# What anywidget gives a module: a model with traits, and messages both ways. The last line lets the tests look inside.
MODEL = """
class Model {
  constructor(traits) { this.traits = traits; this.listeners = []; this.sent = []; this.saved = null; }
  get(name) { return this.traits[name]; }
  set(name, value) { this.traits[name] = value; this.emit("change:" + name); this.emit("change"); }
  save_changes() { this.saved = { ...this.traits }; }
  send(content) { this.sent.push(content); }
  on(kind, action) { this.listeners.push([kind, action]); }
  off(kind, action) { this.listeners = this.listeners.filter(([k, a]) => k !== kind || a !== action); }
  emit(kind, ...given) { for (const [k, a] of [...this.listeners]) if (k === kind) a(...given); }
}
const bytes = (text) => new DataView(Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0)).buffer);
window.start = async (url, traits) => {
  const { default: factory } = await import(url);
  const widget = factory();
  const defaults = { topic: "", topic_label: "", message: "", selection: null, time: null, details: {}, note: "" };
  const looks = { height: 420, large: false, colour: "identity", layout_kind: "force" };
  window.model = new Model({ ...defaults, ...looks, ...traits });
  await widget.initialize({ model });
  window.make = () => {
    const el = document.createElement("div");
    el.close = widget.render({ model, el });
    return el;
  };
  window.show = () => {
    const el = document.createElement("div");
    document.body.append(el);
    return widget.render({ model, el });
  };
  window.hide = await show();
};
window.feed = (frame, records) => model.emit("msg:custom", { frame }, [bytes(records)]);
window.look = (look) => model.emit("msg:custom", { look }, []);
window.read = (records) => {
  const read = [];
  window.readRecords(bytes(records), (...fields) => read.push(fields));
  return read;
};
"""


def looked_into(module: str) -> str:
    """The module, in which the tests can look inside: at the first view, and at how records are read."""
    for ours, theirs in (
        ("function solve(count, edges) {", "window.solve = solve;\nfunction solve(count, edges) {"),
        ("    listen(this);\n", "    window.view ??= this;\n    listen(this);\n"),
        (
            "function readRecords(view, visit) {",
            "window.readRecords = readRecords;\nfunction readRecords(view, visit) {",
        ),
    ):
        assert module.count(ours) == 1, ours
        module = module.replace(ours, theirs)
    return module


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class GraphPage:
    """``scene`` is the Python half; ``feed`` sends what has changed in it."""

    def __init__(self, page: Page, scene: Scene, background: str = "#ffffff", **traits: Any) -> None:
        self.page, self.scene = page, scene
        page.goto("about:blank")
        page.set_content(
            f"<!doctype html><style>body {{ margin: 20px; background: {background} }} {PeerGraph._css}</style>"
            f"<body></body><script>{MODEL}</script>"
        )
        scene.snapshot()  # what is fed later is what has changed since now
        url = "data:text/javascript;base64," + in_base64(looked_into(MODULE).encode())
        head = {"world": "mock", "title": "network", "facts": [], "sentence": ""}
        opening = {"head": head, "content": {"network": as_content(scene), "paint": Paint().as_content()}}
        page.evaluate(f"start({json.dumps(url)}, {json.dumps({'opening': opening, **traits})})")
        self.feed_snapshot()

    def feed(self) -> None:
        """Send the scene's changes since the last time, as the publisher would."""
        self.feed_and_look("null")

    def feed_and_look(self, expression: str) -> Any:
        """Send the changes, and give an expression's value before anything has moved; ``scene`` is the browser's."""
        delta = self.scene.delta()
        assert delta is not None
        return self._feed(*delta, expression)

    def feed_snapshot(self) -> None:
        """Answer a hello."""
        self._feed(*self.scene.snapshot(), "null")

    def _feed(self, frame: dict[str, Any], records: bytes, expression: str) -> Any:
        fed = f"feed({json.dumps(frame)}, {json.dumps(in_base64(records))})"
        return self.page.evaluate(f"() => {{ const {{ scene }} = view; {fed}; return {expression}; }}")

    def read(self, records: bytes) -> Any:
        """What the browser's side reads from a buffer: a list of fields a record."""
        return self.page.evaluate(f"read({json.dumps(in_base64(records))})")

    def set(self, trait: str, value: Any) -> None:
        self.page.evaluate(f"model.set({json.dumps(trait)}, {json.dumps(value)})")

    def painted(self) -> int:
        """How often the first view has been painted."""
        return int(self.page.locator(".p2plab-graph").first.get_attribute("data-painted") or 0)

    def wait_until_resting(self) -> None:
        # A change is drawn in the next frame at the earliest: until then the picture still says that it rests.
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        self.page.locator('.p2plab-graph[data-resting="true"]').first.wait_for()
