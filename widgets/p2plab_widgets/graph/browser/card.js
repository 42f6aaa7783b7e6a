// The card of the selected node or edge.

import { element, iconButton } from "../../view/dom.js";
import { number } from "./legend.js";

const MOST_NAMED = 12;
const many = (names) => (names.length > MOST_NAMED ? [...names.slice(0, MOST_NAMED), `and ${names.length - MOST_NAMED} more`] : names);

function facts(rows) {
  const list = element("dl", "p2plab-card-list");
  for (const [term, values] of rows) {
    const given = (values ?? []).filter((value) => value !== "" && value !== undefined);
    if (given.length) list.append(element("dt", "", term), ...given.map((value) => element("dd", "", value)));
  }
  return list;
}

function titleOf(name, colour, close) {
  const title = element("div", "p2plab-card-title");
  if (colour) {
    const dot = element("i", "p2plab-dot");
    dot.style.background = colour;
    title.append(dot);
  }
  const shut = iconButton("p2plab-card-close", "cross", "close (Escape)", close);
  title.append(element("bdi", "p2plab-card-name", name), shut);
  return title;
}

export function nodeCard(scene, index, details, close) {
  const node = scene.nodes[index], known = details.name === node.key ? details : {};
  const topics = [...node.topics].map((topic) => scene.topics[topic - 1]?.label ?? "");
  const links = [];
  for (const { a, b } of scene.edges.values()) {
    if (a === index) links.push(scene.nodes[b].name);
    if (b === index) links.push(scene.nodes[a].name);
  }
  const state = ["down", "", "not a node of this lab", "attached, not a node of this lab"][node.look];
  const rows = [
    ["state", [state]],
    ...valueRows(scene, index),
    ["peer id", [known.short]],
    ["addresses", many(known.addresses ?? [])],
    ["agent", [known.agent]],
    ["found", many(known.found ?? [])],
    ["topics", many(topics)],
    [`neighbours (${links.length})`, [many(links).join(", ")]],
    ["error", [known.error]],
  ];
  return [titleOf(node.name, node.colour, close), facts(rows)];
}

// What the chosen message and the chosen quantity say of it.
function valueRows(scene, index) {
  const { wave, paint } = scene, rows = [];
  if (wave && index === wave.publisher) rows.push(["message", ["published it"]]);
  else if (wave && wave.from[index] >= 0) {
    const from = scene.nodes[wave.from[index]]?.name ?? "";
    rows.push(["message", [`after ${number(wave.at[index])} s, from ${from}, hop ${wave.hops[index]}`]]);
  } else if (wave && scene.nodes[index].topics.has(wave.topic)) rows.push(["message", ["does not have it"]]);
  const value = paint.values?.[index];
  if (paint.kind === "category" && value >= 0) rows.push([paint.label, [paint.categories?.[value] ?? ""]]);
  else if (["score", "degree"].includes(paint.by) && !Number.isNaN(value ?? NaN)) rows.push([paint.label, [number(value)]]);
  return rows;
}

export function edgeCard(scene, edge, details, close) {
  const a = scene.nodes[edge.a], b = scene.nodes[edge.b];
  const known = details.edge?.[0] === a.key && details.edge?.[1] === b.key ? details : {};
  const meshes = [];
  for (const [topic, mesh] of scene.meshes) {
    const link = mesh.get(Math.min(edge.a, edge.b) * 4294967296 + Math.max(edge.a, edge.b));
    if (link) meshes.push(`${scene.topics[topic - 1]?.label ?? ""}${link.sides === 1 ? " (one side)" : ""}`);
  }
  return [titleOf(`${a.name} – ${b.name}`, "", close), facts([["mesh of", many(meshes)], ...(known.rows ?? [])])];
}
