// The timeline in the browser: it draws the window that Python gave, moved to what is in sight now, and asks for another
// when that has changed.

import { button, choice, element, enable, fill, iconButton, seconds } from "../../view/dom.js";
import { mount } from "../../view/mount.js";
import { Diagram, SUBJECTS } from "./diagram.js";

const ASK = 80; // ms that what is in sight has to stay before Python is asked

class View {
  constructor(frame) {
    this.frame = frame;
    this.content = null;
    this.sight = null; // {start, end, top}: what is in sight; follows: all of it, and as it grows
    this.follows = true;
    this.diagram = new Diagram();
    this.#build();
    this.#listen();
  }

  #build() {
    const { frame } = this, { root, stage, model } = frame;
    root.classList.add("p2plab-timeline");
    const set = (trait) => (value) => {
      model.set(trait, value);
      model.save_changes();
    };
    const controls = element("div", "p2plab-controls");
    this.choices = {
      topic: choice("Topic", [["", "all"]], "", set("topic")),
      message: choice("Message or lookup", [["", "all"]], "", set("message")),
      order: choice("Order", [["start", "by start"], ["receipt", "by first receipt"], ["name", "by name"]], "start", set("order")),
    };
    this.find = element("input", "p2plab-find");
    this.find.type = "search";
    this.find.placeholder = "nodes";
    this.find.setAttribute("aria-label", "only nodes whose name holds");
    this.find.size = 9;
    controls.append(...Object.values(this.choices), this.find);
    this.boxes = SUBJECTS.map((name) => {
      const label = element("label", "p2plab-subject"), box = element("input"), dot = element("i");
      box.type = "checkbox";
      box.addEventListener("change", () => {
        const chosen = SUBJECTS.filter((_, at) => this.boxes[at].box.checked);
        set("protocols")(chosen);
      });
      label.append(box, dot, element("span", "", name));
      controls.append(label);
      return { box, dot, label };
    });
    root.insertBefore(controls, stage);
    this.canvas = element("canvas", "p2plab-canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-roledescription", "timeline");
    this.canvas.setAttribute("aria-label", "the timeline: plus and minus zoom, Shift and the arrows move, Enter selects the next event; Escape leaves");
    this.tell = element("div", "p2plab-tell");
    this.tell.hidden = true;
    this.fitButton = iconButton("p2plab-zoom-fit", "all", "show all of it (0)", () => this.fit());
    frame.menu.append(
      iconButton("p2plab-zoom-in", "plus", "zoom in (+, or Ctrl and the wheel)", () => this.zoom(0.5)),
      iconButton("p2plab-zoom-out", "minus", "zoom out (−)", () => this.zoom(2)),
      this.fitButton,
    );
    stage.prepend(this.canvas);
    stage.append(this.tell);
  }

  #listen() {
    const { canvas, frame, find } = this;
    find.addEventListener("input", () => {
      frame.model.set("nodes", find.value);
      frame.model.save_changes();
      if (this.sight) this.sight.top = 0;
    });
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.press = { x: event.offsetX, y: event.offsetY, sight: { ...this.sight }, drags: false };
    });
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#release(event));
    canvas.addEventListener("pointercancel", () => (this.press = null));
    canvas.addEventListener("pointerleave", () => (this.tell.hidden = true));
    this.traits = ["topic", "message", "order", "protocols", "nodes"].map((name) => [`change:${name}`, () => this.#choose()]);
    for (const [name, action] of this.traits) frame.model.on(name, action);
    frame.model.on("change:time", (this.moved = () => this.redraw()));
  }

  close() {
    clearTimeout(this.asking);
    for (const [name, action] of this.traits) this.frame.model.off(name, action);
    this.frame.model.off("change:time", this.moved);
  }

  // -- what Python says

  draw(content) {
    this.content = content;
    if (content.follows || this.follows || !this.sight) {
      const [start, end] = content.window;
      this.sight = { start, end, top: this.sight?.top ?? 0 };
      this.follows = content.follows;
    }
    this.#choose();
    this.redraw();
  }

  #choose() {
    const { choices, content, frame: { model } } = this;
    if (!content) return;
    const topic = model.get("topic"), message = model.get("message");
    const topics = content.topics.map(([label, key]) => [key, label]);
    fill(choices.topic.select, [["", "all"], ...topics], topic);
    const listed = [...content.messages.map(([id, text]) => [id, `message: ${text}`]), ...content.lookups.map(([id, text]) => [id, `lookup: ${text}`])];
    if (message && !listed.some(([id]) => id === message)) listed.push([message, `…${message.slice(-8)}`]);
    fill(choices.message.select, [["", "all"], ...listed], message);
    fill(choices.order.select, [["start", "by start"], ["receipt", "by first receipt"], ["name", "by name"]], model.get("order"));
    enable(choices.topic.select, topics.length ? "" : "nobody subscribes to anything yet");
    enable(choices.message.select, listed.length ? "" : "no message and no lookup yet");
    const protocols = model.get("protocols");
    this.boxes.forEach(({ box, label }, at) => {
      box.checked = protocols.includes(SUBJECTS[at]);
      label.hidden = SUBJECTS[at] === "reachability" && !content.reaches;
    });
    if (document.activeElement !== this.find) this.find.value = model.get("nodes");
  }

  // -- what is in sight

  resize(width, height) {
    const ratio = window.devicePixelRatio || 1;
    if (!width || !height) return;
    Object.assign(this.diagram, { width, height, ratio });
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.themed(this.frame.theme());
    this.#ask();
  }

  themed(theme) {
    this.diagram.theme = theme;
    this.boxes.forEach(({ dot }, at) => (dot.style.background = this.diagram.colours[at]));
    this.redraw();
  }

  selected() {
    this.redraw();
  }

  redraw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      if (!this.content || !this.sight || !this.diagram.theme) return;
      this.diagram.draw(this.canvas.getContext("2d"), this.content, this.sight, this.frame.time, this.frame.selection);
      this.frame.root.dataset.painted = String((Number(this.frame.root.dataset.painted) || 0) + 1);
    });
  }

  #ask() {
    clearTimeout(this.asking);
    this.asking = setTimeout(() => {
      const { diagram, sight } = this;
      if (!sight) return;
      const lines = diagram.linesInSight + 1;
      this.frame.model.send({
        window: { ...sight, top: Math.floor(sight.top), lines, width: Math.round(diagram.width), follows: this.follows },
      });
    }, ASK);
  }

  #look(start, end, top = this.sight.top) {
    const [first, last] = this.content.whole, whole = Math.max(last - first, 1e-6), edge = whole * 0.02;
    const span = Math.min(Math.max(end - start, 1e-6), whole + 2 * edge);
    const from = Math.min(Math.max(start, first - edge), last + edge - span);
    this.sight = { start: from, end: from + span, top: Math.min(Math.max(top, 0), Math.max(0, this.content.total - this.diagram.linesInSight)) };
    this.follows = false;
    this.redraw();
    this.#ask();
  }

  fit() {
    const [first, last] = this.content.whole;
    this.#look(first, last);
    this.follows = true;
    this.sight = null;
    this.frame.model.send({ window: { start: 0, end: 0, top: 0, lines: this.diagram.linesInSight + 1, width: this.diagram.width, follows: true } });
  }

  zoom(factor, share = 0.5) {
    const { start, end } = this.sight, at = start + (end - start) * share, span = (end - start) * factor;
    this.#look(at - span * share, at + span * (1 - share));
  }

  // -- the pointer and the keyboard

  #wheel(event) {
    if (event.ctrlKey || event.metaKey || document.fullscreenElement) {
      event.preventDefault();
      this.zoom(Math.exp(event.deltaY * 0.002), this.diagram.shareAt(event.offsetX));
    } else if (event.shiftKey) {
      event.preventDefault();
      const { start, end } = this.sight, by = ((event.deltaX || event.deltaY) / this.diagram.width) * (end - start);
      this.#look(start + by, end + by);
    }
  }

  #move(event) {
    const { press, diagram } = this, x = event.offsetX, y = event.offsetY;
    if (!press) return this.#hover(x, y);
    if (!press.drags && Math.hypot(x - press.x, y - press.y) < 4) return;
    press.drags = true;
    this.tell.hidden = true;
    const span = press.sight.end - press.sight.start, by = ((press.x - x) / diagram.wide) * span;
    this.#look(press.sight.start + by, press.sight.end + by, press.sight.top + (press.y - y) / diagram.step);
  }

  #release(event) {
    const { press, diagram, frame } = this;
    this.press = null;
    if (!press || press.drags || !this.content) return;
    const hit = diagram.eventAt(event.offsetX, event.offsetY);
    if (hit) frame.select("event", hit.seq);
    else if (event.offsetY < diagram.top) frame.seek(diagram.momentAt(event.offsetX));
    else if (event.offsetX < diagram.left) {
      const line = diagram.lineAt(event.offsetY), found = this.content.lines[line - this.content.top];
      if (found) frame.select("node", found[2]);
    } else frame.select(null);
  }

  #hover(x, y) {
    const hit = this.diagram.eventAt(x, y), { tell } = this;
    tell.hidden = !hit;
    this.canvas.style.cursor = hit ? "pointer" : y < this.diagram.top ? "col-resize" : "";
    if (!hit) return;
    tell.textContent = `${seconds(hit.t)}  ${hit.text}`;
    const right = x > this.diagram.width / 2;
    tell.style.left = right ? "" : `${x + 12}px`;
    tell.style.right = right ? `${this.diagram.width - x + 12}px` : "";
    tell.style.top = `${Math.min(y + 10, this.diagram.height - 40)}px`;
  }

  key(event) {
    if (event.target !== this.canvas || !this.sight) return false;
    const { start, end, top } = this.sight, by = (end - start) / 4;
    const taken = {
      "+": () => this.zoom(0.5),
      "=": () => this.zoom(0.5),
      "-": () => this.zoom(2),
      0: () => this.fit(),
      ArrowUp: () => this.#look(start, end, top - 1),
      ArrowDown: () => this.#look(start, end, top + 1),
      Enter: () => this.#next(),
      ...(event.shiftKey ? { ArrowLeft: () => this.#look(start - by, end - by), ArrowRight: () => this.#look(start + by, end + by) } : {}),
    }[event.key];
    if (!taken || (event.key === "Enter" && event.shiftKey)) return false;
    taken();
    return true;
  }

  #next() {
    const { seq = [] } = this.content.events ?? {}, { selection } = this.frame;
    const after = seq.find((each) => each > (selection?.kind === "event" ? selection.id : -1));
    if (after !== undefined) this.frame.select("event", after);
  }
}

export default mount((frame) => {
  const view = new View(frame);
  return {
    draw: (content) => view.draw(content),
    resize: (width, height) => view.resize(width, height),
    themed: (theme) => view.themed(theme),
    selected: () => view.selected(),
    key: (event) => view.key(event),
    close: () => view.close(),
  };
});
