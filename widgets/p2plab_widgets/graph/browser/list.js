// The list that mirrors the picture: for the keyboard, a screen reader, and for finding a node by its name.

import { element } from "../../view/dom.js";
import { number } from "./legend.js";

const MOST_ROWS = 400;

export class NodeList {
  constructor(view) {
    this.view = view;
    this.root = view.parts.list;
    this.search = element("input", "p2plab-search");
    this.search.type = "search";
    this.search.placeholder = "find a node";
    this.search.setAttribute("aria-label", "find a node");
    const only = element("label", "p2plab-only");
    this.only = element("input", "p2plab-only-box");
    this.only.type = "checkbox";
    only.append(this.only, element("span", "", "show only these"));
    this.count = element("div", "p2plab-list-count");
    this.count.setAttribute("role", "status");
    this.rows = element("div", "p2plab-list-rows");
    this.rows.setAttribute("role", "listbox");
    this.rows.setAttribute("aria-label", "nodes");
    this.rows.tabIndex = 0;
    this.root.append(this.search, only, this.count, this.rows);
    const id = Math.random().toString(36).slice(2);
    this.idOf = (i) => `p2plab-node-${id}-${i}`;
    this.search.addEventListener("input", () => this.#searched());
    this.only.addEventListener("change", () => this.#searched());
    this.rows.addEventListener("click", (event) => {
      const row = event.target.closest("[data-index]");
      if (row) view.selectNode(Number(row.dataset.index));
    });
  }

  get found() {
    const text = this.search.value.trim().toLocaleLowerCase();
    if (!text) return null;
    const { nodes } = this.view.scene;
    return new Set(nodes.flatMap((node, i) => (node.name.toLocaleLowerCase().includes(text) ? [i] : [])));
  }

  #searched() {
    const { view } = this, { found } = this;
    view.found = found;
    view.scene.filtered = this.only.checked && found ? found : null;
    view.scene.changed++;
    this.update();
    view.redraw();
  }

  toggle(open = this.root.hidden) {
    this.root.hidden = !open;
    this.view.parts.buttons.list.setAttribute("aria-expanded", String(open));
    this.view.camera.before = open && this.view.camera.width > 560 ? this.root.offsetWidth : 0;
    this.view.redraw();
    this.update();
    if (open) this.search.focus({ preventScroll: true });
    else if (this.search.value) {
      this.search.value = "";
      this.#searched();
    }
  }

  // Moves the selection up or down the list.
  move(step) {
    const order = this.#order(), at = order.indexOf(this.view.selectedIndex());
    if (order.length) this.view.selectNode(order[Math.min(Math.max(at + step, 0), order.length - 1)]);
  }

  #order() {
    const { nodes } = this.view.scene, { found } = this;
    return nodes.flatMap((node, i) => (this.view.scene.isShown(node) && (!found || found.has(i)) ? [i] : []));
  }

  update() {
    if (this.root.hidden) return;
    const { scene } = this.view, order = this.#order(), selected = this.view.selectedIndex();
    this.count.textContent = order.length > MOST_ROWS ? `the first ${MOST_ROWS} of ${order.length.toLocaleString("en")}` : `${order.length.toLocaleString("en")} ${order.length === 1 ? "node" : "nodes"}`;
    const from = Math.max(0, Math.min(order.indexOf(selected) - MOST_ROWS / 2, order.length - MOST_ROWS));
    const state = [];
    const rows = order.slice(from, from + MOST_ROWS).map((i) => {
      const row = element("div", "p2plab-list-row");
      row.id = this.idOf(i);
      row.dataset.index = String(i);
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", String(i === selected));
      const dot = element("i", "p2plab-dot");
      dot.style.background = scene.nodes[i].colour;
      row.append(dot, element("bdi", "p2plab-list-name", scene.nodes[i].name), element("span", "p2plab-list-what", this.#words(i)));
      state.push(row.textContent, i === selected);
      return row;
    });
    const now = JSON.stringify(state);
    if (now === this.shown) return;
    this.shown = now;
    this.rows.replaceChildren(...rows);
    const current = this.rows.querySelector('[aria-selected="true"]');
    if (current) {
      this.rows.setAttribute("aria-activedescendant", current.id);
      const top = current.offsetTop - this.rows.offsetTop;
      if (top < this.rows.scrollTop || top > this.rows.scrollTop + this.rows.clientHeight - 24) this.rows.scrollTop = top - 40;
    } else this.rows.removeAttribute("aria-activedescendant");
  }

  // One line of what the picture says of a node.
  #words(i) {
    const { scene } = this.view, node = scene.nodes[i];
    const words = [["down", "", "outside", "attached"][node.look], `${node.links} ${node.links === 1 ? "connection" : "connections"}`];
    if (scene.wave) {
      if (i === scene.wave.publisher) words.push("published");
      else if (scene.wave.from[i] >= 0) words.push(`has it after ${number(scene.wave.at[i])} s`);
      else if (node.topics.has(scene.wave.topic)) words.push("does not have it");
    }
    return words.filter(Boolean).join(", ");
  }
}
