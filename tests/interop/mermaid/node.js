// Reads sequence diagrams with Mermaid's own parser: prints, as JSON a line, who takes part and what is said.
import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";

const dom = new JSDOM("<!doctype html><body></body>"); // Mermaid cleans texts with what a browser has
globalThis.window = dom.window;
globalThis.document = dom.window.document;
const { default: mermaid } = await import("mermaid");
mermaid.initialize({ startOnLoad: false });
for (const path of process.argv.slice(2)) {
  const text = readFileSync(path, "utf8");
  const { diagramType } = await mermaid.parse(text);
  const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
  const actors = [...db.getActors().values()].map((actor) => actor.description);
  console.log(JSON.stringify({ diagramType, actors, messages: db.getMessages().length }));
}
