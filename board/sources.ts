import { join } from "node:path";
import { repositoryRoot } from "../lib/paths";

/** Files and folders that the board is made from. Beside them are the packages, which the lock file decides. */
export const boardSources: readonly string[] = [
  "board",
  "client",
  "components/shared",
  "images/model.ts",
  "lib",
  "local/urls.ts",
  "package-lock.json",
].map((path) => join(repositoryRoot, path));
