/** What is there to check of one version: all that {@link checkChain} looks at, and what a saved bundle holds. */
import { z } from "zod";
import { isDigest } from "../../lib/digest";
import { parseJson } from "../../lib/json";
import { type PublicKey, publicKeysOf } from "../signing-keys";
import { isSha256 } from "./signed";

const format = "gourmetgram-chain/v1";
const digest = z.string().refine(isDigest);
const sha256 = z.string().refine(isSha256);

const schema = z.strictObject({
  format: z.literal(format),
  /** The X of `1.0.X`. */
  version: z.string().regex(/^[1-9]\d{0,8}$/),
  /** When it was read, UTC. */
  readAt: z.iso.datetime(),
  /** The gates of the stack. */
  gates: z.array(z.string()).min(1),
  /** Public keys by `<name>.<id>`, as the ConfigMap has them. */
  keys: z.record(z.string(), z.string()),
  /** Why its files are gone, as MLflow has it; null while they are there. */
  collected: z.string().nullable(),
  /** Why its pass was taken back, as MLflow has it; null where it was not. */
  withdrawn: z.string().nullable(),
  training: z.object({
    /** MLflow run that the version names. */
    run: z.string(),
    /** `model.sig`; null where there is none. */
    signature: z.string().nullable(),
    /** `training.json`; null where there is none. */
    record: z.string().nullable(),
    /** SHA-256 of the signed files, as they were found; a file that is not there is not among them. */
    files: z.record(z.string(), sha256),
  }),
  /** Digest of the image that was built of it last; null where none was. */
  image: digest.nullable(),
  /** What is kept beside the image: the digest of each manifest, and its content; null where it is lost. */
  attestations: z.array(z.object({ manifest: digest, content: z.string().nullable() })),
  /** What runs where, in the order of promotion; null where that is not known. */
  environments: z.array(z.object({ name: z.string(), version: z.string().nullable(), digest: digest.nullable() })),
});

export type Evidence = z.infer<typeof schema>;

/** Evidence that was read now. */
export const evidenceOf = (read: Omit<Evidence, "format">): Evidence => ({ format, ...read });

/** What a saved bundle holds. @throws if the text is none */
export function parseEvidence(text: string): Evidence {
  const { data, error } = schema.safeParse(parseJson(text));
  if (data) return data;
  const [{ path, message }] = error.issues;
  const where = path.length > 0 ? `${path.join(".")}: ` : "";
  throw new Error(`it is no bundle of npm run verify -- <version> --save (${where}${message})`);
}

/** The public keys of a ConfigMap, as `kubectl get --output json` prints it. @throws if the text is none */
export function parseKeys(text: string): PublicKey[] {
  const { data } = z.object({ data: z.record(z.string(), z.string()) }).safeParse(parseJson(text));
  if (!data) throw new Error("it is no ConfigMap as JSON with public keys");
  return publicKeysOf(data.data);
}
