import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Version of MLflow of the server and of every client, as pinned by `images/tools/requirements.txt`. */
export const mlflowVersion = /^mlflow-skinny==(\S+)/m.exec(
  readFileSync(join(__dirname, "tools", "requirements.txt"), "utf8"),
)![1];
