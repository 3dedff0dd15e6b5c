/** What is signed, as `workflows/lib/{bundle,dsse,statement}.py` read it: pure functions. */
import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import type { SigningKey } from "../../components/shared/workflow-names";
import { parseJson } from "../../lib/json";
import { isRecord, type Properties } from "../../lib/record";
import type { PublicKey } from "../signing-keys";

const mediaType = "application/vnd.dev.sigstore.bundle.v0.3+json";
const payloadType = "application/vnd.in-toto+json";
const statementType = "https://in-toto.io/Statement/v1";

/** What is no proof of anything; the message says why, as the end of a sentence without its full stop. */
export class Unverified extends Error {}

/** What is said of a thing. */
export interface Statement {
  readonly name: string;
  /** SHA-256 of the thing, in hexadecimal digits. */
  readonly sha256: string;
  /** URI that says how `predicate` is to be understood. */
  readonly kind: string;
  readonly predicate: Properties;
  /** Id of the key that signed it. */
  readonly key: string;
}

export const isSha256 = (value: unknown): value is string => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
export const sha256Of = (content: string | Buffer): string => createHash("sha256").update(content).digest("hex");
/** As much of a digest as a person compares. */
export const shortly = (sha256: string): string => sha256.slice(0, 12);

/**
 * The statement of one kind that a key signed.
 * @param bundle a Sigstore bundle
 * @param signer name of the keys that may sign it
 * @throws Unverified
 */
export function readSigned(bundle: string, kind: string, signer: SigningKey, keys: readonly PublicKey[]): Statement {
  const { payload, signatures, type } = envelopeOf(bundle);
  if (type !== payloadType) throw new Unverified(`it holds ${JSON.stringify(type).slice(0, 80)}, not ${payloadType}`);
  const signed = encoded(payload);
  const candidates = signatures.flatMap(({ keyId, signature }) =>
    keys.filter(({ name, id }) => name === signer && (keyId === "" || keyId === id)).map((key) => ({ key, signature })),
  );
  if (candidates.length === 0) throw new Unverified(unknownSigner(signatures, signer, keys));
  const match = candidates.find(({ key, signature }) => matches(key, signature, signed));
  if (!match) throw new Unverified("it was changed after it was signed, or its signature was: they do not fit");
  return { ...parseStatement(payload, kind), key: match.key.id };
}

/** What a bundle claims to say, whoever signed it; undefined where it says nothing. */
export function claimed(bundle: string): { kind: string; predicate: Properties } | undefined {
  try {
    const found = parseJson(envelopeOf(bundle).payload.toString());
    if (!isRecord(found) || typeof found.predicateType !== "string") return undefined;
    return { kind: found.predicateType, predicate: isRecord(found.predicate) ? found.predicate : {} };
  } catch {
    return undefined;
  }
}

/** The keys that are on P-256 and under their own id: what else is among them counts as none. */
export function usableKeys(keys: readonly PublicKey[]): PublicKey[] {
  return keys.filter((key) => {
    const parsed = parseKey(key.pem);
    return parsed && sha256Of(parsed.export({ type: "spki", format: "der" })) === key.id;
  });
}

function parseKey(pem: string): KeyObject | undefined {
  try {
    const key = createPublicKey(pem);
    return key.asymmetricKeyDetails?.namedCurve === "prime256v1" ? key : undefined;
  } catch {
    return undefined;
  }
}

interface Envelope {
  readonly type: unknown;
  readonly payload: Buffer;
  readonly signatures: readonly { keyId: string; signature: Buffer }[];
}

function envelopeOf(bundle: string): Envelope {
  const found = parseJson(bundle);
  if (!isRecord(found) || found.mediaType !== mediaType) throw new Unverified("it is no Sigstore bundle");
  const { dsseEnvelope: envelope } = found;
  if (!isRecord(envelope) || !Array.isArray(envelope.signatures)) throw new Unverified("it is no signed envelope");
  const signatures = envelope.signatures.map((given: unknown) => {
    const { keyid = "", sig } = isRecord(given) ? given : {};
    if (typeof keyid !== "string") throw new Unverified("it is no signed envelope");
    return { keyId: keyid, signature: decoded(sig) };
  });
  return { type: envelope.payloadType, payload: decoded(envelope.payload), signatures };
}

function decoded(text: unknown): Buffer {
  if (typeof text !== "string" || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text))
    throw new Unverified("it is no signed envelope");
  return Buffer.from(text, "base64");
}

/** What is signed: DSSE's pre-authentication encoding. */
const encoded = (payload: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `), payload]);

function matches({ pem }: PublicKey, signature: Buffer, signed: Buffer): boolean {
  const key = parseKey(pem);
  return key !== undefined && verify("sha256", signed, { key, dsaEncoding: "der" }, signature);
}

function unknownSigner(signatures: Envelope["signatures"], signer: SigningKey, keys: readonly PublicKey[]): string {
  const ids = signatures.map(({ keyId }) => keyId).filter(Boolean);
  if (ids.length === 0) return `nobody is named who signed it, and there is no key ${signer}`;
  const other = keys.find(({ id }) => ids.includes(id));
  if (other) return `it is signed with the key ${other.name}, and only the key ${signer} may sign it`;
  return `it is signed with a key that is not known, ${ids.map(shortly).join(", ")}`;
}

function parseStatement(payload: Buffer, kind: string): Omit<Statement, "key"> {
  const found = parseJson(payload.toString());
  const [subject, ...others] = isRecord(found) && Array.isArray(found.subject) ? found.subject : [];
  const sha256 = isRecord(subject) && isRecord(subject.digest) ? subject.digest.sha256 : undefined;
  const isUnderstood =
    isRecord(found) &&
    found._type === statementType &&
    isRecord(found.predicate) &&
    others.length === 0 &&
    typeof subject?.name === "string" &&
    isSha256(sha256);
  if (!isUnderstood) throw new Unverified("it is no in-toto statement about one thing");
  if (found.predicateType !== kind)
    throw new Unverified(`it states ${JSON.stringify(found.predicateType).slice(0, 120)}, not ${kind}`);
  return { name: subject.name, sha256, kind, predicate: found.predicate as Properties };
}
