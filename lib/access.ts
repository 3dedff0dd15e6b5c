import { accessSync, constants } from "node:fs";

/** Whether this process may read or write what is at a path; not where nothing is there. */
export function may(action: "read" | "write", path: string): boolean {
  try {
    accessSync(path, action === "read" ? constants.R_OK : constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
