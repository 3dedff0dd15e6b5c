// Plain JavaScript without imports from node_modules: it is what puts node_modules there.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const stamp = join(root, "node_modules", ".gourmetgram-lock-hash");
const hash = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .digest("hex");

const [major, minor] = process.versions.node.split(".").map(Number);
// The versions that all packages of the lock file support; `engines` in package.json says the same.
const isSupported = (major === 20 && minor >= 19) || (major === 22 && minor >= 13) || major >= 24;
if (!isSupported) {
  console.error(
    `Node.js ${process.versions.node} is not supported: install 24, 22.13 or newer, or 20.19 or newer, ` +
      "then run this again.",
  );
  process.exit(1);
}
const isRoot = process.getuid?.() === 0;
const returnToOwner = () =>
  spawnSync(process.execPath, [join(root, "lib", "return-to-owner.mjs")], { stdio: "inherit" });
if (isRoot) process.on("exit", returnToOwner);
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== hash) {
  console.error("Installing the npm packages of package-lock.json (once, about 20 s) ...");
  const npm = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
    // With sudo -E, HOME is another user's: root's files in that user's npm cache would break it.
    env: { ...process.env, ...(isRoot ? { HOME: userInfo().homedir } : {}) },
  });
  if (npm.status !== 0) {
    console.error("npm ci failed: fix what its message above names, then run this again.");
    process.exit(1);
  }
  writeFileSync(stamp, hash);
}
