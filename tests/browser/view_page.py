"""A view's browser half in an empty page, with its Python half in the test: what either says reaches the other."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Page

from tests.browser.graph_page import MODEL, in_base64

_START = """
window.startView = async (url, traits) => {
  const { default: factory } = await import(url);
  window.model = new Model(traits);
  const widget = factory();
  await widget.initialize?.({ model });
  const el = document.createElement("div");
  document.body.append(el);
  widget.render({ model, el });
};
"""


class ViewPage:
    """``pass_on``: Python hears what the page said and chose since the last time, and the page what Python says."""

    def __init__(self, page: Page, view: Any, *traits: str, dark: bool = False, width: int = 950) -> None:
        self.page, self.view = page, view
        self.traits = ("time", "selection", "height", "large", "note", "opening", *traits)
        self._heard = 0
        ground = "#111111" if dark else "#ffffff"
        page.goto("about:blank")
        page.set_content(
            f"<!doctype html><style>body {{ margin: 10px; width: {width}px; background: {ground} }} {view._css}</style>"
            f'<body data-jp-theme-light="{"false" if dark else "true"}"></body><script>{MODEL}{_START}</script>'
        )
        values = {name: getattr(view, name) for name in self.traits}
        url = "data:text/javascript;base64," + in_base64(view._esm.encode())
        page.evaluate(f"startView({json.dumps(url)}, {json.dumps(values)})")
        self._said: list[dict[str, Any]] = []
        view.send = lambda content, buffers=None: self._said.append(content)

    def pass_on(self) -> None:
        saved = self.page.evaluate("model.saved") or {}
        for name in self.traits:
            if name in saved and name != "opening" and saved[name] != getattr(self.view, name):
                setattr(self.view, name, saved[name])
        sent = self.page.evaluate("model.sent")
        for content in sent[self._heard :]:
            self.view._heard(self.view, content, [])
        self._heard = len(sent)
        self.view.refresh()
        said, self._said[:] = list(self._said), []
        for content in said:
            self.page.evaluate(f"model.emit('msg:custom', {json.dumps(content)}, [])")
        for name in self.traits:
            if name != "opening":
                self.page.evaluate(f"model.set({json.dumps(name)}, {json.dumps(getattr(self.view, name))})")
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
