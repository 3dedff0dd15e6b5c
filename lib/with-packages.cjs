// Loaded before a command: puts the packages of package-lock.json there in a new clone or after a pull, then lets
// Node.js run TypeScript. CommonJS, since `node --require` loads it before anything else.
const { spawnSync } = require("node:child_process");
const { statSync } = require("node:fs");
const { join } = require("node:path");

const root = join(__dirname, "..");
const changedAt = (...path) => statSync(join(root, ...path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
if (changedAt("node_modules", ".gourmetgram-lock-hash") <= changedAt("package-lock.json")) {
  const { status } = spawnSync(process.execPath, [join(__dirname, "install-dependencies.mjs")], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
require("tsx/cjs");
