// Parts in columns, with borders that can be dragged or moved by arrow keys. The parts are widgets of their own, which the
// front end's own widget manager draws here.

import { mount } from "../view/mount.js";
import { button, choice, element, fill, iconButton, setText } from "../view/dom.js";

const LEAST = 0.08; // share of a column or a part that stays when its border is dragged
const STEP = 0.05;

class Dashboard {
  constructor(frame) {
    this.frame = frame;
    frame.root.classList.add("p2plab-dashboard");
    this.root = element("div", "p2plab-columns");
    frame.stage.append(this.root);
    this.add = choice("add", [["", "a part…"]], "", (name) => name && this.#put(name));
    const { model } = frame;
    this.large = iconButton("p2plab-large-button", "large", "larger type, for a projector", () => {
      model.set("large", !model.get("large"));
      model.save_changes();
    });
    frame.menu.append(this.add, this.large);
    this.line = element("code", "p2plab-layout-line");
    this.copy = button("p2plab-layout-copy", "copy", "copy the line that brings this layout back", () => this.#copy());
    frame.legend.append(this.line, this.copy);
    this.places = new Map(); // by name: { box, view }
    this.columns = [];
  }

  draw({ columns, all, line }) {
    setText(this.line, line);
    this.line.title = line;
    const there = columns.flatMap((column) => column.parts.map((part) => part.name));
    const absent = all.filter((name) => !there.includes(name));
    fill(this.add.select, [["", absent.length ? "a part…" : "all are there"], ...absent.map((name) => [name, name])], "");
    this.add.select.disabled = !absent.length;
    const same = JSON.stringify(columns.map((column) => column.parts.map((part) => part.name)));
    this.columns = columns;
    if (this.same !== same) {
      this.same = same;
      this.#build(there);
    }
    this.#share();
  }

  #build(there) {
    for (const [name, place] of this.places) {
      if (there.includes(name)) continue;
      place.view?.remove?.();
      place.box.remove();
      this.places.delete(name);
    }
    this.boxes = this.columns.map((column, number) => {
      const box = element("div", "p2plab-column");
      column.parts.forEach((part, at) => {
        if (at) box.append(this.#border("row", () => this.columns[number].parts, at, box));
        box.append(this.#place(part.name).box);
      });
      return box;
    });
    const children = [];
    this.boxes.forEach((box, at) => {
      if (at) children.push(this.#border("column", () => this.columns, at, this.root));
      children.push(box);
    });
    this.root.replaceChildren(...children);
    if (!this.columns.length) this.root.append(element("p", "p2plab-empty", "no part is here: add one above"));
  }

  #place(name) {
    let place = this.places.get(name);
    if (place) return place;
    const box = element("section", "p2plab-part");
    box.setAttribute("aria-label", name);
    box.dataset.part = name;
    const away = button("p2plab-away", "×", `take ${name} away`, () => this.#take(name));
    const body = element("div", "p2plab-part-body");
    box.append(body, away);
    place = { box, view: null };
    this.places.set(name, place);
    this.#show(name, place, body);
    return place;
  }

  async #show(name, place, body) {
    const { model } = this.frame, manager = model.widget_manager;
    const wait = element("p", "p2plab-empty", `${name} comes …`);
    body.append(wait);
    try {
      // What the part is, and what it is called, come in two messages: it may be a moment until it is known.
      for (let tries = 0; !model.get("kids")?.[name] && tries < 100; tries++) await new Promise((done) => setTimeout(done, 50));
      const id = String(model.get("kids")?.[name] ?? "").replace("IPY_MODEL_", "");
      if (!manager || !id) throw new Error("this front end cannot show one widget inside another");
      const child = await manager.get_model(id);
      const view = await manager.create_view(child);
      if (this.places.get(name) !== place) return view.remove();
      place.view = view;
      // Widgets learn by Lumino's messages that they are in the page, and pass them on to those within them; without
      // these they have neither their classes nor their size. What has no Lumino is told in its own way.
      const inner = view.luminoWidget ?? view.pWidget;
      const tell = (type) => inner?.processMessage?.({ type, isConflatable: false, conflate: () => false });
      tell("before-attach");
      body.replaceChildren(view.el);
      tell("after-attach");
      if (!inner) view.trigger?.("displayed");
    } catch (error) {
      setText(wait, `${name} cannot be shown here: ${error.message}; use lab.${name}() in a cell of its own`);
    }
  }

  // A border between two columns or two parts: what is on either side of it shares what both have.
  // `sharing` gives those of now: each look brings new ones.
  #border(kind, sharing, at, box) {
    const border = element("div", `p2plab-border p2plab-border-${kind}`);
    border.tabIndex = 0;
    border.setAttribute("role", "separator");
    border.setAttribute("aria-orientation", kind === "column" ? "vertical" : "horizontal");
    border.setAttribute("aria-label", kind === "column" ? "border between columns: arrow keys move it" : "border between parts: arrow keys move it");
    const move = (by) => {
      const parts = sharing(), whole = parts.reduce((sum, part) => sum + part.share, 0), a = parts[at - 1], b = parts[at];
      const least = LEAST * whole, both = a.share + b.share;
      a.share = Math.min(Math.max(a.share + by * whole, least), both - least);
      b.share = both - a.share;
      this.#share();
    };
    border.addEventListener("pointerdown", (event) => {
      border.setPointerCapture(event.pointerId);
      const across = kind === "column", size = across ? box.clientWidth : box.clientHeight;
      let before = across ? event.clientX : event.clientY;
      const moved = (next) => {
        const here = across ? next.clientX : next.clientY;
        move((here - before) / Math.max(size, 1));
        before = here;
      };
      const done = () => {
        border.removeEventListener("pointermove", moved);
        this.#tell();
      };
      border.addEventListener("pointermove", moved);
      border.addEventListener("pointerup", done, { once: true });
      event.preventDefault();
    });
    border.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -STEP, ArrowUp: -STEP, ArrowRight: STEP, ArrowDown: STEP }[event.key];
      if (!by) return;
      move(by);
      this.#tell();
      event.preventDefault();
      event.stopPropagation();
    });
    return border;
  }

  #share() {
    this.boxes?.forEach((box, at) => {
      box.style.flexGrow = String(this.columns[at].share);
      for (const part of this.columns[at].parts) this.places.get(part.name).box.style.flexGrow = String(part.share);
    });
  }

  #written(columns) {
    const number = (share) => String(Math.round(share * 100) / 100);
    return columns
      .filter((column) => column.parts.length)
      .map((column) => `${number(column.share)}*${column.parts.map((part) => `${part.name}:${number(part.share)}`).join("/")}`)
      .join(" | ");
  }

  #tell(columns = this.columns) {
    this.frame.model.send({ arrange: this.#written(columns) });
  }

  #take(name) {
    this.#tell(this.columns.map((column) => ({ ...column, parts: column.parts.filter((part) => part.name !== name) })));
  }

  // A new part goes to the foot of the column that has the fewest.
  #put(name) {
    const columns = this.columns.map((column) => ({ ...column, parts: [...column.parts] }));
    if (columns.length) {
      const fewest = columns.reduce((a, b) => (b.parts.length < a.parts.length ? b : a));
      const mean = fewest.parts.reduce((sum, part) => sum + part.share, 0) / fewest.parts.length;
      fewest.parts.push({ name, share: mean });
    } else columns.push({ share: 1, parts: [{ name, share: 1 }] });
    this.#tell(columns);
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.line.textContent);
      setText(this.copy, "copied");
    } catch {
      getSelection()?.selectAllChildren(this.line);
      setText(this.copy, "selected");
    }
    setTimeout(() => setText(this.copy, "copy"), 1500);
  }

  close() {
    for (const { view } of this.places.values()) view?.remove?.();
  }
}

// In a page without a kernel: other arrangements of the parts that were recorded.
class Arranger {
  constructor(recording) {
    this.names = Object.keys(recording.parts);
  }

  answer({ arrange }) {
    if (arrange === undefined) return null;
    const columns = arrange.split("|").map((column) => column.trim()).filter(Boolean).map((column) => {
      const [, share, rest] = /^(?:([\d.]+)\*)?(.*)$/.exec(column);
      const parts = rest.split("/").map((part) => part.split(":")).filter(([name]) => this.names.includes(name));
      return { share: Number(share ?? 1), parts: parts.map(([name, size]) => ({ name, share: Number(size ?? 1) })) };
    });
    return { columns, all: this.names, line: `lab.dashboard(${JSON.stringify(arrange)})` };
  }
}

export const replay = (recording) => new Arranger(recording);
export default mount((frame) => new Dashboard(frame));
