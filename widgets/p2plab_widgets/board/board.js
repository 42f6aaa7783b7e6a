// A view of cards. What a card is, board/cards.py says; here each becomes elements. Text is only ever set as text.

import { mount } from "../view/mount.js";
import { choice, element, fill, setText } from "../view/dom.js";
import { cards } from "./cards.js";

export class Board {
  constructor(frame) {
    this.frame = frame;
    this.root = element("div", "p2plab-board");
    this.root.tabIndex = 0;
    this.root.setAttribute("role", "region");
    this.more = element("div", "p2plab-board-more", "more below: click, then scroll");
    frame.stage.append(this.root, this.more);
    this.lists = new Map();
    this.places = [];
    this.root.addEventListener("scroll", () => this.#hint());
  }

  draw(content) {
    this.content = content;
    this.#choices(content.choices ?? []);
    const made = Array.from({ length: content.cards ?? 0 }, (_, at) => content[`card${at}`]);
    // A card that is the same stays as it is, with its focus and its scroll.
    made.forEach((card, at) => {
      const text = JSON.stringify(card), old = this.places[at];
      if (old?.text === text) return;
      const place = element("section", `p2plab-card p2plab-card-${card.kind}${card.wide ? " p2plab-wide" : ""}`);
      const title = element("h4", "p2plab-card-title", card.title);
      const body = cards[card.kind](card, this.frame);
      place.append(title, body.root);
      if (old) {
        old.body.close?.();
        old.place.replaceWith(place);
      } else this.root.append(place);
      this.places[at] = { text, place, body };
    });
    for (const { place, body } of this.places.splice(made.length)) {
      body.close?.();
      place.remove();
    }
    let row = 0, columns = 1;
    for (const { wide } of made) {
      row = wide ? 0 : row + 1;
      columns = Math.max(columns, row);
    }
    this.root.style.setProperty("--p2plab-columns", String(Math.min(columns, 4)));
    this.selected(this.frame.selection);
    requestAnimationFrame(() => {
      this.#hint();
      this.#room();
    });
  }

  #choices(choices) {
    for (const { trait, label, options, chosen } of choices) {
      let list = this.lists.get(trait);
      if (!list) {
        list = choice(label, options, chosen, (value) => this.frame.model.send({ choose: trait, value: Number(value) }));
        this.frame.menu.append(list);
        this.lists.set(trait, list);
      }
      fill(list.select, options, chosen);
      list.select.disabled = options.length < 2;
      list.select.title = options.length < 2 ? "there is nothing else to choose" : label;
    }
    for (const [trait, list] of this.lists) list.hidden = !choices.some((one) => one.trait === trait);
  }

  #hint() {
    const below = this.root.scrollHeight - this.root.clientHeight - this.root.scrollTop;
    this.more.hidden = below < 12;
  }

  selected(selection) {
    const wanted = selection ? JSON.stringify([selection.kind, selection.id]) : "";
    for (const pick of this.root.querySelectorAll(".p2plab-pick")) {
      pick.setAttribute("aria-pressed", String(pick.dataset.pick === wanted));
    }
  }

  // Also when it first stands in a page, whose colours it did not know before.
  resize() {
    for (const { body } of this.places) {
      body.themed?.();
      if (body.resize !== body.themed) body.resize?.();
    }
    this.#hint();
    this.#room();
  }

  themed() {
    for (const { body } of this.places) body.themed?.();
    this.#room();
  }

  // A board whose picture is drawn to fit is told for how many pixels; of larger type there is less room.
  #room() {
    if (!this.content?.fits) return;
    const { clientWidth, clientHeight } = this.root, size = this.frame.theme().size / 13 || 1;
    const room = [clientWidth - 8, clientHeight - 8].map((each) => Math.round(each / size));
    if (clientWidth < 40 || clientHeight < 40 || String(room) === String(this.room)) return;
    this.room = room;
    clearTimeout(this.telling);
    this.telling = setTimeout(() => this.frame.model.send({ room }), 150);
  }

  close() {
    clearTimeout(this.telling);
    for (const { body } of this.places) body.close?.();
  }
}

export default mount((frame) => new Board(frame));
