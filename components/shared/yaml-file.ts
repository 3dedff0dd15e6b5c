import { readFileSync } from "node:fs";
import * as yaml from "js-yaml";

/** The document of a YAML file. @throws with the file's name if it is no YAML */
export const readYaml = <Content>(file: string): Content =>
  yaml.load(readFileSync(file, "utf8"), { filename: file }) as Content;
