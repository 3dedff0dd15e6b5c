import { afterAll, beforeAll } from "vitest";
import { catalogue, type ImageKey } from "../images/catalogue";

/** Images that had no digest when this was written. `npm run images -- pin` gives them one. */
const once: ImageKey[] = [
  "mlflow",
  "argoWorkflowController",
  "argoServer",
  "contour",
  "envoy",
  "prometheus",
  "postgres",
  "versitygw",
];

/** Has the catalogue know no digest of these images in the tests of a file, whatever `pinned-digests.json` has. */
export function forgetDigests(): void {
  const before = new Map(once.map((key) => [key, Object.getOwnPropertyDescriptor(catalogue[key], "digest")!]));
  beforeAll(() => {
    for (const key of once)
      Object.defineProperty(catalogue[key], "digest", { value: null, enumerable: true, configurable: true });
  });
  afterAll(() => {
    for (const [key, digest] of before) Object.defineProperty(catalogue[key], "digest", digest);
  });
}
