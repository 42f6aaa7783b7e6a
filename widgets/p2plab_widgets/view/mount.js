// What every view's browser half begins with: the frame around it, and what anywidget wants of a module.
//
//   export default mount((frame) => ({ draw(content) {...}, resize(width, height) {...}, ... }));
//
// The function is called for each place where the widget is shown, and gives what it can do; all of it is optional:
//   draw(content)            what is to be seen has changed (what Python's content() gave)
//   resize(width, height)    the stage has another size, in pixels
//   themed(theme)            light or dark, or the presenter's size, has changed
//   selected(selection)      {kind, id} or null
//   message(content, buffers) Python sent something of this view's own
//   key(event)               a key was pressed in the view; true where it was taken
//   close()                  the place is gone
// frame: model, shared, root, stage (draw into it), menu (its own controls), legend, theme(), selection, time (null: live),
//   select(kind, id) or select(null), seek(t), act(what, value) as the bar's buttons, say(sentence), wheelIsOurs().

import { Bar } from "./bar.js";
import { element, iconButton, setText } from "./dom.js";
import { readTheme } from "./theme.js";

class Frame {
  constructor(model, el, create, kept) {
    this.model = model;
    this.shared = kept.shared;
    this.ending = new AbortController();
    this.#build(el);
    this.view = create(this) ?? {};
    this.#listen();
    this.look(kept.look);
    this.#note();
    this.#large();
  }

  #build(el) {
    this.root = element("div", "p2plab-view");
    this.root.style.setProperty("--p2plab-height", `${this.model.get("height")}px`);
    this.head = {
      bar: element("div", "p2plab-head"),
      world: element("span", "p2plab-world"),
      title: element("span", "p2plab-title"),
      facts: element("span", "p2plab-facts"),
    };
    this.menu = element("span", "p2plab-menu");
    this.full = iconButton("p2plab-full", "full", "full screen", () => this.#toggleFull());
    this.head.bar.append(this.head.world, this.head.title, this.head.facts, this.menu, this.full);
    this.stage = element("div", "p2plab-stage");
    this.note = element("div", "p2plab-note");
    this.note.setAttribute("role", "status");
    this.note.hidden = true;
    this.foot = element("div", "p2plab-foot");
    this.legend = element("div", "p2plab-legend");
    this.sentence = element("div", "p2plab-sentence");
    this.sentence.setAttribute("aria-live", "polite");
    this.bar = new Bar({
      act: (what, value) => this.act(what, value),
      seek: (moment) => this.seek(moment),
      theme: () => this.theme(),
    });
    const words = element("div", "p2plab-words");
    words.append(this.sentence, this.legend);
    this.foot.append(words, this.bar.root, this.bar.panel);
    this.root.append(this.head.bar, this.note, this.stage, this.foot);
    el.classList.add("p2plab-place"); // its width decides how much the bars say
    el.append(this.root);
  }

  #listen() {
    const { model, root } = this, { signal } = this.ending;
    const on = (name, action) => {
      model.on(name, action);
      signal.addEventListener("abort", () => model.off(name, action));
    };
    on("change:time", () => this.bar.update({ time: this.time }));
    on("change:selection", () => this.view.selected?.(this.selection));
    on("change:note", () => this.#note());
    on("change:large", () => this.#large());
    on("change:height", () => root.style.setProperty("--p2plab-height", `${model.get("height")}px`));
    on("msg:custom", (content, buffers) => {
      if (content.look) this.look(content.look);
      else this.view.message?.(content, buffers);
    });
    root.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.sized = new ResizeObserver(() => this.#resize());
    this.sized.observe(this.stage);
    this.themed = new MutationObserver(() => this.#theme());
    for (const target of [document.documentElement, document.body]) {
      this.themed.observe(target, { attributes: true, attributeFilter: ["class", "style", "data-jp-theme-light", "data-jp-theme-name", "data-theme"] });
    }
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#theme(), { signal });
  }

  close() {
    this.ending.abort();
    this.sized.disconnect();
    this.themed.disconnect();
    this.bar.close();
    this.view.close?.();
    this.root.remove();
  }

  // -- what Python says

  look({ head, bar, content, here, error }) {
    if (head) {
      setText(this.head.world, head.world);
      this.head.world.dataset.world = head.world;
      setText(this.head.title, head.title);
      setText(this.head.facts, head.facts.join(" · "));
      this.head.facts.title = head.facts.join(" · ");
      this.say(head.sentence);
    }
    if (bar) this.bar.update({ ...bar, time: bar.time ?? null });
    if (content) this.view.draw?.(content);
    if (here) this.bar.showHere(here);
    if (error !== undefined) {
      this.error = error;
      this.#note();
    }
  }

  say(sentence) {
    setText(this.sentence, sentence);
    this.stage.setAttribute("aria-label", sentence);
  }

  #note() {
    const note = this.error || this.model.get("note");
    setText(this.note, note ?? "");
    this.note.hidden = !note;
  }

  #large() {
    this.root.classList.toggle("p2plab-large", Boolean(this.model.get("large")));
    this.#theme();
  }

  // -- what the person says

  get time() {
    return this.model.get("time") ?? null;
  }

  get selection() {
    return this.model.get("selection") ?? null;
  }

  seek(moment) {
    this.model.set("time", moment);
    this.model.save_changes();
  }

  select(kind, id) {
    this.model.set("selection", kind === null ? null : { kind, id });
    this.model.save_changes();
  }

  act(what, value) {
    if (what === "select") this.select(value.kind, value.id);
    else this.model.send({ do: what, value });
  }

  // The wheel scrolls the page unless Ctrl or Meta is held, or the picture was chosen by a click (Escape leaves).
  wheelIsOurs(event) {
    return event.ctrlKey || event.metaKey || this.stage.contains(document.activeElement);
  }

  #key(event) {
    const { target } = event;
    const writes = ["INPUT", "SELECT", "TEXTAREA"].includes(target.tagName);
    const presses = target.tagName === "BUTTON" && event.key === " ";
    let taken = false;
    if (event.key === "Escape") {
      if (document.fullscreenElement === this.root) return;
      target.blur();
      taken = true;
    } else if (!writes && !presses) {
      taken = this.view.key?.(event) || this.bar.key(event);
    }
    if (taken) event.preventDefault();
    // The notebook has keys of its own, and must not take those meant for the view; Shift+Enter and its like are its.
    const runs = event.key === "Enter" && (event.shiftKey || event.ctrlKey || event.metaKey || event.altKey);
    if (event.key !== "Escape" && !runs) event.stopPropagation();
  }

  // -- how it looks

  // Asking the page for a style makes it lay out what has changed before: once for each theme is enough.
  theme() {
    const theme = this.colours ?? readTheme(this.root);
    this.colours = theme.paper ? theme : null; // it has no style before it is in the page
    return theme;
  }

  #theme() {
    this.colours = null;
    this.view.themed?.(this.theme());
    this.bar.redraw();
  }

  #resize() {
    this.colours = null;
    this.view.resize?.(this.stage.clientWidth, this.stage.clientHeight);
  }

  #toggleFull() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.requestFullscreen?.();
  }
}

// `begin(model)` is called once for each widget, before it is shown anywhere; what it gives as `shared` every frame has as
// frame.shared, and its `close` is called at the end.
export function mount(create, { begin } = {}) {
  // A factory: each widget keeps its own last look, for places that come later.
  return () => {
    const kept = { look: {}, shared: null, places: 0, page: Math.random().toString(36).slice(2) };
    // Python sends nothing to a widget that is shown nowhere.
    const count = (model, by) => model.send({ places: (kept.places += by), page: kept.page });
    return {
      initialize({ model }) {
        Object.assign(kept.look, model.get("opening") ?? {});
        const begun = begin?.(model) ?? {};
        kept.shared = begun.shared ?? null;
        const listener = (content) => {
          if (content.look) Object.assign(kept.look, content.look);
        };
        model.on("msg:custom", listener);
        model.send({ hello: true });
        return () => {
          model.off("msg:custom", listener);
          begun.close?.();
        };
      },
      render({ model, el }) {
        const frame = new Frame(model, el, create, kept);
        const left = () => model.send({ places: 0, page: kept.page });
        window.addEventListener("pagehide", left);
        count(model, 1);
        return () => {
          window.removeEventListener("pagehide", left);
          frame.close();
          count(model, -1);
        };
      },
    };
  };
}
