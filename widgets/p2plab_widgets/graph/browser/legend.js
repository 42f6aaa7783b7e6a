// The legend: what colours, lines and marks mean in what is drawn now.

import { element } from "../../view/dom.js";
import { CATEGORIES, colourOfValue } from "./colour.js";
import { CLUSTERS, MANY, SOME } from "./density.js";
import { ATTACHED, GONE, OUTSIDE } from "./frames.js";

export const number = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3))));

function mark(kind, text) {
  const entry = element("span", `p2plab-legend-entry p2plab-legend-${kind}`, text);
  entry.prepend(element("i", `p2plab-mark-${kind}`));
  return entry;
}

function swatchOf(colour, text) {
  const entry = element("span", "p2plab-legend-entry", text);
  const dot = element("i", "p2plab-dot");
  dot.style.background = colour;
  entry.prepend(dot);
  return entry;
}

function rampOf(paint, theme) {
  const entry = element("span", "p2plab-legend-entry p2plab-legend-ramp");
  const ramp = element("i", "p2plab-ramp");
  const stops = Array.from({ length: 9 }, (_, i) => colourOfValue(paint, paint.low + ((paint.high - paint.low) * i) / 8, theme));
  ramp.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
  const unit = paint.unit ? ` ${paint.unit}` : "";
  entry.append(
    element("span", "p2plab-ramp-name", paint.label ?? ""),
    element("span", "p2plab-number", number(paint.low)),
    ramp,
    element("span", "p2plab-number", number(paint.high) + unit),
  );
  return entry;
}

const grouped = (value) => value.toLocaleString("en");

// What the layers add.
function layersOf(scene, theme, layers, level) {
  const { traffic, streams, reach } = scene.over, found = [];
  const amounts = (traffic?.values ?? []).filter((_, at) => at % 3 === 2);
  if (layers.traffic && amounts.length) {
    found.push(mark("traffic", `${grouped(Math.min(...amounts))} to ${grouped(Math.max(...amounts))} ${traffic.unit}`));
  }
  if (layers.streams && level <= SOME && streams?.values?.length) {
    streams.protocols.forEach((name, at) => {
      const entry = mark("stream", name);
      entry.firstChild.style.background = CATEGORIES[at];
      found.push(entry);
    });
  }
  if (layers.boxes && reach) {
    const dropped = reach.drops?.length || reach.punches?.some((punch) => punch.dropped.length);
    for (const [sign, text, there] of [
      ["⌂", "behind a box", reach.boxes?.length], ["◇", "relay", reach.relays?.length], ["┄", "slot at the relay", reach.slots?.length],
      ["╍", "relayed", reach.circuits?.length], ["×", "dropped", dropped],
    ]) if (there) found.push(element("span", "p2plab-legend-entry", `${sign} ${text}`));
  }
  if (layers.attackers && scene.attackers.size) found.push(element("span", "p2plab-legend-entry", "✹ attacks"));
  if (layers.neighbours && scene.neighbours.length) found.push(element("span", "p2plab-legend-entry", "┈ in the DHT's table"));
  return found;
}

export function legendOf(scene, theme, { level, topic, layers }) {
  const found = [], { paint } = scene;
  if (paint.kind === "sequence" || paint.kind === "diverging") {
    found.push(rampOf(paint, theme));
    found.push(mark("without", paint.without ?? "unknown"));
  } else if (paint.kind === "category") {
    found.push(element("span", "p2plab-ramp-name", paint.label ?? ""));
    (paint.categories ?? []).slice(0, 8).forEach((name, at) => found.push(swatchOf(colourOfValue(paint, at, theme), name)));
  }
  if (level === CLUSTERS) found.push(mark("cluster", "so many nodes; zoom in to open"));
  else {
    if (layers.mesh && (topic ? scene.meshes.get(topic)?.size : level < MANY && [...scene.meshes.values()].some((mesh) => mesh.size))) {
      found.push(mark("mesh", topic ? "mesh of the topic" : "mesh"));
    }
    if (topic && level <= SOME) found.push(mark("ring", "subscribes"));
    if (scene.wave) found.push(mark("publisher", "publisher"));
    if (scene.wave && layers.tree) {
      const way = mark("way", "the message’s way"), byWay = paint.by === "delay" || paint.by === "hops";
      way.firstChild.style.background = byWay ? colourOfValue(paint, paint.high, theme) : scene.nodes[scene.wave.publisher]?.colour;
      found.push(way);
    }
    if (scene.listed.length && level <= SOME) found.push(mark("copy", "message"));
    if (scene.listed.length && layers.duplicates && level <= SOME) found.push(mark("duplicate", "duplicate"));
    found.push(...layersOf(scene, theme, layers, level));
    if (scene.nodes.some((node) => node.look === GONE)) found.push(mark("gone", "down"));
    if (scene.nodes.some((node) => scene.isShown(node) && (node.look === OUTSIDE || node.look === ATTACHED))) found.push(mark("outside", "not of this lab"));
  }
  return found;
}
