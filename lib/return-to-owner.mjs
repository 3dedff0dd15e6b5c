// Gives the owner of the checkout what root has written there, as `sudo npm start` does. Links are not followed.
// Plain JavaScript without imports from node_modules: it also runs when those could not be installed.
import { lchownSync, lstatSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { uid, gid } = lstatSync(root);

function giveBack(path) {
  // Another process may remove a temporary file meanwhile.
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (found.isDirectory()) for (const name of readdirSync(path)) giveBack(join(path, name));
  if (found.uid === 0) lchownSync(path, uid, gid);
}

// `process.getuid` is missing on Windows.
if (process.getuid?.() === 0 && uid !== 0) giveBack(root);
