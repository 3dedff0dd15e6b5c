/**
 * Checks the chain of one version, from the data that its model learnt from to what each environment runs: a pure
 * function. What counts is what counts for `promote-model` (`workflows/lib/gate_verdicts.py`).
 */
import type { SigningKey } from "../../components/shared/workflow-names";
import { modelName } from "../../images/model";
import { parseJson } from "../../lib/json";
import { isRecord, type Properties } from "../../lib/record";
import type { PublicKey } from "../signing-keys";
import type { Evidence } from "./evidence";
import { claimed, isSha256, readSigned, type Statement, sha256Of, shortly, Unverified, usableKeys } from "./signed";

/** `broken`: it proves the contrary, or nothing. `unchecked`: nobody can tell. `aside`: it is no part of the chain. */
type State = "whole" | "broken" | "unchecked" | "aside";

/** One link, with those that rest on it. */
export interface Link {
  readonly title: string;
  readonly state: State;
  /** What is known of it, a line each. */
  readonly facts: readonly string[];
  /** Why it is not whole, a sentence. */
  readonly fault?: string;
  readonly links: readonly Link[];
}

const modelSignature = "https://model_signing/signature/v1.0";
const kinds = {
  provenance: "https://slsa.dev/provenance/v1",
  verdict: "https://gourmetgram.io/gate-verdict/v1",
  withdrawal: "https://gourmetgram.io/withdrawal/v1",
  release: "https://gourmetgram.io/release/v1",
} as const;
type Kind = keyof typeof kinds;
const signers: Record<Kind, SigningKey> = {
  provenance: "build",
  verdict: "gates",
  withdrawal: "release",
  release: "release",
};
const buildType = "https://gourmetgram.io/build-container-image/v1";
const trainingFile = "training.json";
const modelFile = "food11.onnx";

/** Why something beside an image does not count. */
interface Refused {
  readonly kind: Kind | undefined;
  readonly predicate: Properties;
  readonly why: string;
}
interface Beside {
  readonly counting: readonly (Statement & { readonly of: Kind })[];
  readonly refused: readonly Refused[];
}
/** What a training signed. */
interface Training {
  readonly model: string;
  readonly modelFile: string;
  readonly data: string;
}

/**
 * The chain of a version.
 * @param keys those that are trusted
 */
export function checkChain(evidence: Evidence, keys: readonly PublicKey[]): Link {
  const { version, collected, training, attestations } = evidence;
  const unchecked = (fault: string) => link(`version ${version}`, "unchecked", [], fault);
  if (collected !== null)
    return unchecked(
      `Version ${version} was collected at ${collected}: its files, its image and its signatures are gone.`,
    );
  if (training.signature === null && attestations.length === 0)
    return unchecked(
      `Version ${version} is from before signatures: neither its training nor its build signed anything. ` +
        "Train it again to have it signed.",
    );
  const usable = usableKeys(keys);
  const { found, ...checked } = checkTraining(evidence, usable);
  return { ...checked, links: [checkImage(evidence, usable, found)] };
}

/** The worst state of a chain: `broken` is worse than `unchecked`. */
export function stateOf({ state, links }: Link): "whole" | "broken" | "unchecked" {
  const states = [state, ...links.map(stateOf)];
  return (["broken", "unchecked"] as const).find((bad) => states.includes(bad)) ?? "whole";
}

const link = (title: string, state: State, facts: readonly string[], fault?: string, links: Link[] = []): Link => ({
  title,
  state,
  facts,
  ...(fault && { fault }),
  links,
});

/** A link whose check throws Unverified where it is broken. */
function checkTraining(evidence: Evidence, keys: readonly PublicKey[]): Link & { found?: Training } {
  const { signature, record, files, run } = evidence.training;
  const title = `training of version ${evidence.version}`;
  if (signature === null)
    return link(title, "broken", [], `A link is missing: no training signed the model of version ${evidence.version}.`);
  try {
    const signed = readSigned(signature, modelSignature, "training", keys);
    if (signed.name !== modelName) throw new Unverified(`it is of ${signed.name.slice(0, 100)}, not of ${modelName}`);
    const listed = resourcesOf(signed);
    const present: Record<string, string> = { ...files, ...(record !== null && { [trainingFile]: sha256Of(record) }) };
    for (const [name, sha256] of listed) {
      const is = present[name];
      if (is === undefined) throw new Unverified(`${name}, which it lists, is missing`);
      if (is !== sha256)
        throw new Unverified(
          `${name} was changed after it was signed: its SHA-256 is ${shortly(is)}, not ${shortly(sha256)}`,
        );
    }
    const said = parseJson(record!);
    if (!isRecord(said) || !isSha256(said.data_sha256)) throw new Unverified(`${trainingFile} does not name the data`);
    if (said.run !== run)
      throw new Unverified(`it was signed for another training, run ${String(said.run).slice(0, 32)}, and replayed`);
    const facts = [
      `data     sha256:${said.data_sha256}`,
      `model    sha256:${signed.sha256}`,
      `run      ${run}, accuracy ${String(said.accuracy)}`,
      keyFact("training", signed.key),
    ];
    const found = { model: signed.sha256, modelFile: listed.get(modelFile)!, data: said.data_sha256 };
    return { ...link(title, "whole", facts), found };
  } catch (error) {
    return link(title, "broken", [], `The signature of the model does not count: ${reasonOf(error)}.`);
  }
}

/** The SHA-256 of each file, by its name. */
function resourcesOf({ predicate, sha256 }: Statement): Map<string, string> {
  const { serialization, resources } = predicate;
  const isUnderstood =
    isRecord(serialization) &&
    serialization.method === "files" &&
    serialization.hash_type === "sha256" &&
    Array.isArray(resources) &&
    resources.every(
      (one) => isRecord(one) && one.algorithm === "sha256" && typeof one.name === "string" && isSha256(one.digest),
    );
  const files = new Map((isUnderstood ? resources : []).map(({ name, digest }) => [String(name), String(digest)]));
  if (!isUnderstood || files.size !== resources.length)
    throw new Unverified("it does not list the files by name and SHA-256");
  const whole = sha256Of(Buffer.concat([...files.values()].map((digest) => Buffer.from(digest, "hex"))));
  if (whole !== sha256) throw new Unverified("its digest is not that of the files that it lists");
  for (const name of [modelFile, trainingFile]) if (!files.has(name)) throw new Unverified(`it does not list ${name}`);
  return files;
}

function checkImage(evidence: Evidence, keys: readonly PublicKey[], training: Training | undefined): Link {
  const { image, version } = evidence;
  if (image === null) return link("image", "broken", [], `A link is missing: version ${version} has no image.`);
  const beside = readBeside(evidence, image, keys);
  const rest = [
    ...evidence.gates.map((gate) => checkGate(gate, beside)),
    ...earlierGates(evidence, beside),
    ...checkPass(evidence, beside),
    ...evidence.environments.map((environment, place) => checkEnvironment(evidence, image, environment, place, beside)),
    ...strangers(evidence, beside),
  ];
  const [state, facts, fault] = checkProvenance(evidence, beside, training);
  return link(`image ${image}`, state, facts, fault, rest);
}

/** What is kept beside an image: what a key signed of it, and why each of the others does not count. */
function readBeside({ attestations }: Evidence, image: string, keys: readonly PublicKey[]): Beside {
  const counting: (Statement & { of: Kind })[] = [];
  const refused: Refused[] = [];
  for (const { manifest, content } of attestations) {
    const claim = claimed(content ?? "");
    const kind = (Object.keys(kinds) as Kind[]).find((name) => kinds[name] === claim?.kind);
    const refuse = (why: string) => refused.push({ kind, predicate: claim?.predicate ?? {}, why });
    if (content === null || !kind) {
      const short = shortly(manifest.slice("sha256:".length));
      refuse(content === null ? `the content of ${short} is lost` : `${short} is of no kind that the pipeline signs`);
      continue;
    }
    try {
      const stated = readSigned(content, kinds[kind], signers[kind], keys);
      if (`sha256:${stated.sha256}` !== image)
        throw new Unverified(`it was signed for another image, sha256:${shortly(stated.sha256)}, and replayed`);
      counting.push({ ...stated, of: kind });
    } catch (error) {
      refuse(reasonOf(error));
    }
  }
  return { counting, refused };
}

const counting = ({ counting }: Beside, kind: Kind) => counting.filter((stated) => stated.of === kind);
/** The first of one kind that is refused, of those that claim to say this. */
const refusal = ({ refused }: Beside, kind: Kind, claims: Properties = {}) =>
  refused.find((one) => one.kind === kind && Object.entries(claims).every(([name, is]) => one.predicate[name] === is));

type Outcome = [state: State, facts: string[], fault?: string];

function checkProvenance({ version }: Evidence, beside: Beside, training: Training | undefined): Outcome {
  const signed = counting(beside, "provenance");
  const why = refusal(beside, "provenance")?.why;
  if (signed.length === 0)
    return why
      ? ["broken", [], `What the build signed of the image does not count: ${why}.`]
      : ["broken", [], "A link is missing: no build signed what the image was made from."];
  if (!training) return ["unchecked", [], "What the build signed names a model that no signature vouches for."];
  const judged = signed.map((stated) => ({ stated, fault: provenanceFault(stated, version, training) }));
  const fit = judged.find(({ fault }) => !fault);
  if (!fit) return ["broken", [], judged[0].fault];
  const of = materialsOf(fit.stated);
  const commit = of.get("source") ?? "not known";
  return ["whole", [`base     sha256:${of.get("base")}`, `commit   ${commit}`, keyFact("build", fit.stated.key)]];
}

function provenanceFault(stated: Statement, version: string, training: Training): string | undefined {
  const { buildDefinition: definition } = stated.predicate;
  if (!isRecord(definition) || definition.buildType !== buildType || !isRecord(definition.externalParameters))
    return "What the build signed of the image is of no build of this pipeline.";
  const { model, version: built } = definition.externalParameters;
  if (model !== modelName || built !== version)
    return `The image was built of version ${String(built)} of ${String(model)}, and not of version ${version}.`;
  const of = materialsOf(stated);
  if (!isSha256(of.get("base"))) return "What the build signed does not name the base image.";
  const expected: [string, string, string][] = [
    ["model", "the model", training.model],
    [modelFile, modelFile, training.modelFile],
    ["data", "the data", training.data],
  ];
  const other = expected.find(([name, , sha256]) => of.get(name) !== sha256);
  if (!other) return undefined;
  const [name, title, sha256] = other;
  return (
    `The build names another digest of ${title}, ${shortly(of.get(name) ?? "none")}, ` +
    `than the training signed, ${shortly(sha256)}.`
  );
}

/** Digests of what an image was made from, by name. */
function materialsOf({ predicate }: Statement): Map<string, string> {
  const definition = isRecord(predicate.buildDefinition) ? predicate.buildDefinition : {};
  const materials: unknown[] = Array.isArray(definition.resolvedDependencies) ? definition.resolvedDependencies : [];
  return new Map(
    materials.filter(isRecord).flatMap(({ name, digest }) => {
      const [value] = isRecord(digest) ? Object.values(digest) : [];
      return typeof value === "string" ? [[String(name), value] as const] : [];
    }),
  );
}

/** Whether it is a time to the second, UTC, as the steps write it. */
const isTime = (value: unknown): value is string =>
  typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value) && !Number.isNaN(Date.parse(value));
const timeOf = ({ predicate }: Statement): string => (isTime(predicate.at) ? predicate.at : "");
const newestTime = (signed: readonly Statement[]): string => signed.map(timeOf).sort().at(-1) ?? "";

function checkGate(gate: string, beside: Beside): Link {
  const title = `${gate} gate`;
  const all = counting(beside, "verdict").filter(({ predicate }) => predicate.gate === gate && isTime(predicate.at));
  const at = newestTime(all);
  const last = all.filter((stated) => timeOf(stated) === at);
  if (last.length === 0) {
    const why = refusal(beside, "verdict", { gate })?.why;
    const fault = why
      ? `The verdict of the ${gate} gate does not count: ${why}.`
      : `A link is missing: the ${gate} gate signed no verdict on this image.`;
    return link(title, "broken", [], fault);
  }
  const failed = last.find(({ predicate }) => predicate.verdict !== "pass");
  const { predicate, key } = failed ?? last[0];
  const facts = [...figureFacts(predicate), keyFact("gates", key)];
  if (failed) {
    const reason = predicate.reason ? `: ${String(predicate.reason)}` : "";
    return link(
      title,
      "broken",
      facts,
      sentence(`Its last verdict, of ${at}, is ${String(predicate.verdict)}${reason}`),
    );
  }
  const withdrawal = lastWithdrawal(beside);
  if (withdrawal && at <= timeOf(withdrawal)) {
    const why = withdrawal.predicate.reason ? `: ${String(withdrawal.predicate.reason)}` : "";
    const fault = sentence(`It passed at ${at}, and its pass was withdrawn afterwards, at ${timeOf(withdrawal)}${why}`);
    return link(title, "broken", facts, fault);
  }
  return link(`${title} passed at ${at}`, "whole", facts);
}

/** What gates signed that the stack no longer has: it stands in MLflow too, and decides nothing. */
function earlierGates({ gates }: Evidence, beside: Beside): Link[] {
  const all = counting(beside, "verdict").filter(({ predicate }) => isTime(predicate.at));
  const names = new Set(all.map(({ predicate }) => String(predicate.gate)));
  return [...names]
    .filter((name) => !gates.includes(name))
    .sort()
    .map((name) => {
      const at = newestTime(all.filter(({ predicate }) => predicate.gate === name));
      const last = all.find((stated) => stated.predicate.gate === name && timeOf(stated) === at)!;
      const word = String(last.predicate.verdict);
      const text = `It signed ${word} at ${at}, and does not count: the stack has it no longer.`;
      return link(`${name} gate`, "aside", figureFacts(last.predicate), text);
    });
}

function lastWithdrawal(beside: Beside): Statement | undefined {
  const all = counting(beside, "withdrawal").filter(({ predicate }) => isTime(predicate.at));
  return all.find((stated) => timeOf(stated) === newestTime(all));
}

/** A withdrawal that only MLflow knows: that could not be signed, or what was signed is gone. */
function checkPass({ withdrawn }: Evidence, beside: Beside): Link[] {
  if (withdrawn === null || lastWithdrawal(beside)) return [];
  const fault = sentence(`MLflow says that its pass was withdrawn, and nobody signed that: ${withdrawn}`);
  return [link("pass", "broken", [], fault)];
}

function figureFacts({ figures, bars }: Properties): string[] {
  const bar = isRecord(bars) ? bars : {};
  return Object.entries(isRecord(figures) ? figures : {}).map(
    ([name, value]) => `${name} ${String(value)}${name in bar ? `, bar ${String(bar[name])}` : ""}`,
  );
}

function checkEnvironment(
  { version }: Evidence,
  image: string,
  { name, digest, version: runs }: Evidence["environments"][number],
  place: number,
  beside: Beside,
): Link {
  const appVersion = `1.0.${version}`;
  if (digest === null) return link(name, "unchecked", [], `What ${name} runs is not known.`);
  if (digest !== image) {
    if (runs !== appVersion) return link(`${name} runs ${runs ?? "no model"}`, "aside", []);
    return link(name, "broken", [], `${name} runs another image as ${appVersion}, ${digest.slice(0, 19)}.`);
  }
  const title = `${name} runs it`;
  // Nobody promotes to the first environment: the gates judge there what they then sign.
  if (place === 0) return link(title, "whole", []);
  const claims = { environment: name, version: appVersion };
  const releases = counting(beside, "release").filter(
    ({ predicate }) => predicate.environment === name && predicate.version === appVersion && isTime(predicate.at),
  );
  const at = newestTime(releases);
  const last = releases.find((stated) => timeOf(stated) === at);
  if (!last) {
    const why = refusal(beside, "release", claims)?.why;
    const fault = why
      ? `The release to ${name} does not count: ${why}.`
      : `A link is missing: ${name} runs it, and no release of it to ${name} is signed.`;
    return link(title, "broken", [], fault);
  }
  const facts = [
    `released ${at}, asked for by ${String(last.predicate.requestedBy)}`,
    `approved ${approvers(last.predicate)}`,
    keyFact("release", last.key),
  ];
  return link(title, "whole", facts);
}

function approvers({ approvals }: Properties): string {
  const users = (Array.isArray(approvals) ? approvals : []).filter(isRecord).map(({ user }) => String(user));
  return users.length > 0 ? `by ${users.join(", ")}` : "by nobody: none was asked for";
}

/** What is kept beside the image and counts for nothing, unless a link that is missing has named it already. */
function strangers({ gates, image, environments }: Evidence, beside: Beside): Link[] {
  const served = environments.slice(1).flatMap(({ name, digest }) => (digest === image ? [name] : []));
  return beside.refused
    .filter(({ kind, predicate }) => {
      const isNamed =
        (kind === "provenance" && counting(beside, kind).length === 0) ||
        (kind === "verdict" &&
          gates.includes(String(predicate.gate)) &&
          !counting(beside, kind).some((stated) => stated.predicate.gate === predicate.gate)) ||
        (kind === "release" &&
          served.includes(String(predicate.environment)) &&
          !counting(beside, kind).some((stated) => stated.predicate.environment === predicate.environment));
      return !isNamed;
    })
    .map(({ kind, why }) => link(`one ${kind ?? "thing"} beside the image`, "aside", [], `It does not count: ${why}.`));
}

const keyFact = (name: SigningKey, id: string) => `signed by ${name} ${shortly(id)}`;
const sentence = (text: string): string => (text.endsWith(".") ? text : `${text}.`);

function reasonOf(error: unknown): string {
  if (!(error instanceof Unverified)) throw error;
  return error.message;
}
