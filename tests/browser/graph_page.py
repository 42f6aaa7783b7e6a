"""A PeerGraph's browser half in an empty page, fed with frames by the test: the picture without JupyterLab."""

from __future__ import annotations

import base64
import json
from typing import Any

from playwright.sync_api import Page

from p2plab_widgets.graph.scene import Scene
from p2plab_widgets.graph.widget import MODULE, PeerGraph

# What anywidget gives a module: a model with traits, and messages both ways.
MODEL = """
class Model {
  constructor(traits) { this.traits = traits; this.listeners = []; this.sent = []; }
  get(name) { return this.traits[name]; }
  set(name, value) { this.traits[name] = value; this.emit("change:" + name); this.emit("change"); }
  save_changes() { this.saved = { ...this.traits }; }
  send(content) { this.sent.push(content); }
  on(kind, action) { this.listeners.push([kind, action]); }
  off(kind, action) { this.listeners = this.listeners.filter(([k, a]) => k !== kind || a !== action); }
  emit(kind, ...given) { for (const [k, a] of [...this.listeners]) if (k === kind) a(...given); }
}
const bytes = (text) => new DataView(Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0)).buffer);
window.start = async (url, opening, traits) => {
  const { default: factory } = await import(url);
  if (opening.frame) opening.records = bytes(opening.records);
  const widget = factory();
  const defaults = { world: "mock", topic: "", selected: "", details: {}, note: "", height: 420 };
  window.model = new Model({ opening, ...defaults, ...traits });
  await widget.initialize({ model });
  window.show = () => {
    const el = document.createElement("div");
    document.body.append(el);
    return widget.render({ model, el });
  };
  window.hide = await show();
};
window.feed = (frame, records) => model.emit("msg:custom", { frame }, [bytes(records)]);
"""


class GraphPage:
    """``scene`` is the Python half; ``feed`` sends what has changed in it."""

    def __init__(self, page: Page, scene: Scene, background: str = "#ffffff", **traits: Any) -> None:
        self.page, self.scene = page, scene
        page.set_content(
            f"<!doctype html><style>body {{ margin: 20px; background: {background} }} {PeerGraph._css}</style>"
            f"<body></body><script>{MODEL}</script>"
        )
        frame, records = scene.snapshot()
        module = "data:text/javascript;base64," + base64.b64encode(MODULE.encode()).decode()
        opening = {"frame": frame, "records": base64.b64encode(records).decode()}
        page.evaluate(f"start({json.dumps(module)}, {json.dumps(opening)}, {json.dumps(traits)})")

    def feed(self) -> None:
        """Send the scene's changes since the last time, as the publisher would."""
        delta = self.scene.delta()
        if delta is not None:
            frame, records = delta
            self.page.evaluate(f"feed({json.dumps(frame)}, {json.dumps(base64.b64encode(records).decode())})")

    def set(self, trait: str, value: Any) -> None:
        self.page.evaluate(f"model.set({json.dumps(trait)}, {json.dumps(value)})")

    def wait_until_resting(self) -> None:
        self.page.locator('.p2plab-graph[data-resting="true"]').wait_for()
