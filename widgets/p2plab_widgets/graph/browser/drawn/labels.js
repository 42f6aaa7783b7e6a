// Names that never lie over each other or over a node: each is tried below, right of, left of and above its node, the
// important ones first; one that fits nowhere is left out until there is room. Of few nodes a name takes the place where
// the fewest lines run through it.

const MOST_LABELS = 140;
const LONGEST = 22; // characters of a name beside its node; the card and the list have all of it

const widths = new Map();
function widthOf(pen, text) {
  const key = pen.font + text;
  let width = widths.get(key);
  if (width === undefined) {
    if (widths.size > 4000) widths.clear();
    widths.set(key, (width = pen.measureText(text).width));
  }
  return width;
}

export function abbreviated(name) {
  const signs = [...name];
  return signs.length <= LONGEST ? name : signs.slice(0, 11).join("") + "…" + signs.slice(-8).join("");
}

// A grid of boxes that are taken.
class Taken {
  constructor() {
    this.cells = new Map();
  }

  #each(box, visit) {
    for (let column = Math.floor(box[0] / 48); column <= Math.floor(box[2] / 48); column++) {
      for (let row = Math.floor(box[1] / 24); row <= Math.floor(box[3] / 24); row++) {
        if (visit(column * 100003 + row)) return true;
      }
    }
    return false;
  }

  add(box) {
    this.#each(box, (key) => {
      if (!this.cells.has(key)) this.cells.set(key, []);
      this.cells.get(key).push(box);
    });
  }

  // Whether anything is there, but for what belongs to `own`.
  hits(box, own) {
    return this.#each(box, (key) =>
      (this.cells.get(key) ?? []).some(
        (other) => other[4] !== own && box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1],
      ),
    );
  }
}

// Whether a line runs through a box: what is left of it after each side has cut it.
function crosses([x1, y1, x2, y2], [left, top, right, bottom]) {
  const dx = x2 - x1, dy = y2 - y1;
  let from = 0, to = 1;
  for (const [along, near] of [[-dx, x1 - left], [dx, right - x1], [-dy, y1 - top], [dy, bottom - y1]]) {
    if (along === 0) {
      if (near < 0) return false;
    } else if (along < 0) from = Math.max(from, near / along);
    else to = Math.min(to, near / along);
  }
  return from < to;
}

// Places names. `wanted`: [node, important] in order of importance; gives [{i, text, x, y, align, side}], x and y of
// its middle line. `before`: node -> side, where its name stood; it stays there if it can.
export function placeLabels(pen, wanted, camera, sight, radiusOf, size, before, reserved = [], lines = []) {
  const taken = new Taken(), placed = [];
  for (const { box } of reserved) taken.add([...box, -1]);
  taken.add([camera.width - camera.corner[0], camera.height - camera.corner[1], camera.width, camera.height, -1]);
  for (const i of sight) {
    const x = camera.screenX(i), y = camera.screenY(i), radius = radiusOf(i) + 1;
    taken.add([x - radius, y - radius, x + radius, y + radius, i]);
  }
  for (const [i, text] of wanted) {
    if (placed.length >= MOST_LABELS) break;
    const width = widthOf(pen, text), high = size * 1.25, gap = radiusOf(i) + 3;
    const x = camera.screenX(i), y = camera.screenY(i);
    const sides = [
      [x - width / 2, y + gap],
      [x + gap + 1, y - high / 2],
      [x - gap - 1 - width, y - high / 2],
      [x - width / 2, y - gap - high],
      [x + gap * 0.7, y + gap * 0.7],
      [x - gap * 0.7 - width, y + gap * 0.7],
    ];
    const order = [0, 1, 2, 3, 4, 5];
    const old = before.get(i);
    if (old) order.splice(order.indexOf(old), 1), order.unshift(old);
    let best = null;
    for (const side of order) {
      const [left, top] = sides[side], box = [left - 2, top, left + width + 2, top + high, i];
      if (left < 2 || left + width > camera.width - 2 || top < 1 || top + high > camera.height - 1) continue;
      if (taken.hits(box, i)) continue;
      const through = lines.filter((line) => crosses(line, box)).length;
      if (!best || through < best.through) best = { through, box, left, top, side };
      if (!through) break;
    }
    if (!best) continue;
    taken.add([...best.box.slice(0, 4), -2 - i]);
    placed.push({ i, text, x: best.left, y: best.top + high / 2, side: best.side });
  }
  return placed;
}
