import { readEnvironments } from "../../client/environments";
import { checkReason, freeze, unfreeze } from "../../client/freeze";
import { oneLine } from "../../client/one-line";
import { checkPromotionPath, promotionParameters } from "../../client/promotion";
import { submit } from "../../client/workflows";
import { scenarios } from "../../images/model";
import type { Cluster } from "../../lib/kube-client";
import { isRecord } from "../../lib/record";
import type { Act } from "../api";
import { answerApproval } from "./approvals";
import { Refusal } from "./refusal";

type Texts = readonly string[];
/** The fields of each act beside `act`: those with a text, and those with the number of a version. */
const shapes: Record<Act["act"], { texts: Texts; version?: "needed" | "or null" }> = {
  train: { texts: ["scenario"] },
  promote: { texts: ["source", "target", "emergency"], version: "needed" },
  revert: { texts: ["why"], version: "or null" },
  freeze: { texts: ["why"] },
  unfreeze: { texts: ["why"] },
  approve: { texts: ["approval", "message"] },
  reject: { texts: ["approval", "message"] },
};

/** The act of a request's body. @throws Refusal for anything else */
export function readAct(body: unknown): Act {
  const word = isRecord(body) ? body.act : undefined;
  if (!isRecord(body) || typeof word !== "string" || !Object.hasOwn(shapes, word))
    throw new Refusal(400, `This is no act: write one of ${Object.keys(shapes).join(", ")}.`);
  const { texts, version } = shapes[word as Act["act"]];
  const fields = ["act", ...texts, ...(version ? ["version"] : [])];
  const unknown = Object.keys(body).find((key) => !fields.includes(key));
  if (unknown !== undefined) throw new Refusal(400, `${word} has no "${unknown}": write ${fields.join(", ")}.`);
  const wrong = texts.find((key) => typeof body[key] !== "string");
  if (wrong) throw new Refusal(400, `${wrong} of ${word} must be a text.`);
  if (version && !isVersion(body.version) && !(version === "or null" && body.version === null))
    throw new Refusal(400, `version of ${word} must be the number of a model version.`);
  return body as Act;
}

const isVersion = (value: unknown): boolean =>
  typeof value === "number" && Number.isInteger(value) && value >= 1 && value < 1e9;

/**
 * Does what a person asks for, with their rights.
 * @param asPerson the cluster for the person: its API server decides
 * @param asBoard the same for the board, which reads what the person may have no right to read
 * @returns what was done, in one sentence
 */
export async function perform(act: Act, asPerson: Cluster, asBoard: Cluster): Promise<string> {
  switch (act.act) {
    case "train":
      return train(asPerson, act.scenario);
    case "promote":
      return promote(act, asPerson, asBoard);
    case "revert":
      return revert(act, asPerson);
    case "freeze":
      return freeze(asPerson, reasonOf(act.why));
    case "unfreeze":
      return unfreeze(asPerson, reasonOf(act.why));
    default:
      orRefuse(() => oneLine(act.message, "the message", "looked at canary for an hour"));
      return answerApproval(act, asPerson);
  }
}

async function train(cluster: Cluster, scenario: string): Promise<string> {
  if (!(scenarios as readonly string[]).includes(scenario))
    throw new Refusal(400, `"${scenario}" is not a training scenario: write one of ${scenarios.join(", ")}.`);
  return `The training ${scenario} has started: ${await submit(cluster, "train-model", { scenario })}.`;
}

async function promote(act: Extract<Act, { act: "promote" }>, asPerson: Cluster, asBoard: Cluster): Promise<string> {
  const { version, source, target, emergency } = act;
  const environments = await readEnvironments(asBoard);
  orRefuse(() => checkPromotionPath(environments, source, target));
  const parameters = orRefuse(() => promotionParameters(String(version), source, target, emergency || undefined));
  const name = await submit(asPerson, "promote-model", parameters);
  return `The promotion of 1.0.${version} from ${source} to ${target} has started: ${name}.`;
}

async function revert({ version, why }: Extract<Act, { act: "revert" }>, cluster: Cluster): Promise<string> {
  const parameters = { "failed-version": version === null ? "" : String(version), reason: reasonOf(why) };
  return `The revert of staging has started: ${await submit(cluster, "revert-staging", parameters)}.`;
}

const reasonOf = (why: string): string => orRefuse(() => checkReason(why));

/** What a check of the commands throws is a mistake of the request. */
function orRefuse<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw new Refusal(400, (error as Error).message);
  }
}
