// Points on a circle and arrows between them: the key space, and a lookup's way through it.

import { element } from "../view/dom.js";

const SPACE = "http://www.w3.org/2000/svg";
const R = 150, ROOM = 60;
const ALONG = [0.72, 0.82, 0.62, 0.9, 0.54, 0.46, 0.38, 0.3]; // where on its arrow a number may stand, the best first

const apart = ([x, y], [otherX, otherY]) => Math.abs(x - otherX) > 12 || Math.abs(y - otherY) > 11;

function shape(tag, attributes, className = "") {
  const made = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  if (className) made.setAttribute("class", className);
  return made;
}

export function ring(card, frame) {
  const root = element("div", "p2plab-ring");
  if (!card.points.length) {
    root.append(element("p", "p2plab-empty", card.empty));
    return { root };
  }
  const half = R + ROOM, picture = shape("svg", { viewBox: `${-half} ${-half} ${2 * half} ${2 * half}`, role: "group" });
  picture.append(shape("circle", { r: R, fill: "none" }, "p2plab-ring-line"));
  const place = (share, more = 0) => {
    const turn = 2 * Math.PI * share - Math.PI / 2;
    return [(R + more) * Math.cos(turn), (R + more) * Math.sin(turn)];
  };
  const numbers = []; // where the number of a step stands: peers may be close to each other
  card.arrows.forEach(([a, b, label], at) => {
    const [ax, ay] = place(card.points[a][0]), [bx, by] = place(card.points[b][0]);
    const way = shape("path", { d: `M${ax} ${ay}Q0 0 ${bx} ${by}` }, "p2plab-ring-arrow");
    const title = shape("title", {});
    title.textContent = label;
    way.append(title);
    picture.append(way);
    if (card.arrows.length > 30) return;
    const spots = ALONG.map((t) => [(1 - t) ** 2 * ax + t * t * bx, (1 - t) ** 2 * ay + t * t * by]); // on the arrow
    const [x, y] = spots.find((spot) => numbers.every((other) => apart(spot, other))) ?? spots[0];
    numbers.push([x, y]);
    const number = shape("text", { x, y: y + 3 }, "p2plab-ring-number");
    number.textContent = String(at + 1);
    picture.append(number);
  });
  const taken = []; // shares of the ring where a name stands: another one beside it would lie over it
  for (const [share, one, role] of card.points) {
    const [x, y] = place(share), name = typeof one === "string" ? one : one.text;
    const group = shape("g", {}, `p2plab-ring-point p2plab-role-${/^[a-z]+$/.test(role) ? role : "plain"}`);
    group.append(shape("circle", { cx: x, cy: y, r: role === "far" ? 3 : 5 }));
    const title = shape("title", {});
    title.textContent = `${name}, at ${(100 * share).toFixed(2)} % of the key space${card.kinds[role] ? `, ${card.kinds[role]}` : ""}`;
    group.append(title);
    const [lx, ly] = place(share, 10);
    const free = taken.every(([x, y]) => Math.abs(y - ly) > 10 || Math.abs(x - lx) > 40);
    if (free && (card.points.length <= 60 || !["plain", "far"].includes(role))) {
      taken.push([lx, ly]);
      const label = shape("text", { x: lx, y: ly + 4, "text-anchor": lx >= 0 ? "start" : "end" });
      label.textContent = name.length > 12 ? `${name.slice(0, 11)}…` : name;
      group.append(label);
    }
    if (typeof one !== "string") {
      group.setAttribute("tabindex", "0");
      group.setAttribute("role", "button");
      group.setAttribute("aria-label", title.textContent);
      const pick = () => frame.select(one.pick.kind, one.pick.id);
      group.addEventListener("click", pick);
      group.addEventListener("keydown", (event) => {
        if (event.key !== "Enter") return;
        pick();
        event.preventDefault();
        event.stopPropagation();
      });
    }
    picture.append(group);
  }
  if (card.target !== null) {
    const [ax, ay] = place(card.target, -12), [bx, by] = place(card.target, 12);
    picture.append(shape("path", { d: `M${ax} ${ay}L${bx} ${by}` }, "p2plab-ring-target"));
  }
  root.append(picture);
  const legend = element("div", "p2plab-legend");
  for (const [role, meaning] of Object.entries(card.kinds)) {
    const entry = element("span", `p2plab-ring-key p2plab-role-${/^[a-z]+$/.test(role) ? role : "plain"}`);
    entry.append(element("i", "p2plab-dot"), element("span", "", meaning));
    legend.append(entry);
  }
  root.append(legend);
  return { root };
}
