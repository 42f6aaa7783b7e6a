// Holds a dashboard against the types that Grafana publishes of its own: prints what does not fit, or nothing.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, "dashboard.ts");
const board = JSON.stringify(JSON.parse(readFileSync(process.argv[2], "utf8")), null, 1);
writeFileSync(source, `import type { Dashboard } from "@grafana/schema";\nexport const board: Dashboard = ${board};\n`);
const program = ts.createProgram([source], {
  noEmit: true,
  strict: true,
  skipLibCheck: true,
  types: [],
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
});
for (const one of ts.getPreEmitDiagnostics(program)) console.log(ts.flattenDiagnosticMessageText(one.messageText, "\n"));
