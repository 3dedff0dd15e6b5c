/** The JSON that the board's server and its page exchange. Times are ISO 8601 in UTC. */

/** One picture of the pipeline: the data of each server-sent event `pipeline` of `GET /api/pipeline`. */
export interface PipelineView {
  /** When the server made it. */
  readonly at: string;
  /**
   * When a freeze, an approval or a rejection may last have come to stand in the record, which follows some time later;
   * null before the server has seen it.
   */
  readonly recordAt: string | null;
  /** In the order of promotion. */
  readonly environments: readonly EnvironmentView[];
  /** The freeze that stops all promotions, or null. */
  readonly freeze: { readonly who: string; readonly since: string; readonly why: string } | null;
  /** What users meet at the gateway, in one sentence; null without a gateway. */
  readonly traffic: string | null;
  /** What the looks at people's pictures found, in one sentence; null where nobody watches for data drift. */
  readonly dataDrift: string | null;
  /** Pipeline runs in progress, then those that ended last; at most 20, newest first. */
  readonly runs: readonly RunView[];
  /** Those that wait for an answer first; at most 20. */
  readonly approvals: readonly ApprovalView[];
  /** What could not be read, in one sentence each, as in "MLflow answered with 503: …". The rest is as it was. */
  readonly problems: readonly string[];
  /** Addresses of the environments and of the pages of Argo Workflows, Argo CD and MLflow, by name. */
  readonly links: Readonly<Record<string, string>>;
}

export interface EnvironmentView {
  readonly name: string;
  /** `1.0.X`; null while it runs the base image or nothing answers. */
  readonly version: string | null;
  readonly digest: string | null;
  /** When it came to serve the version; null if the record does not say. */
  readonly since: string | null;
  /** As Argo CD reports it: `Healthy`, `Progressing`, `Degraded`, `Missing` or `Unknown`. */
  readonly health: string;
  /** null on a remote cluster. */
  readonly pods: { readonly ready: number; readonly all: number; readonly restarts: number } | null;
  /** Share of the users that meet it, 0 to 100; null without a gateway, where no user comes, or where nobody knows. */
  readonly percent: number | null;
  /** Why the version may not be promoted from here, however long one waits; null where it may, and for the last. */
  readonly barrier: Barrier | null;
  /** Seconds that the version still has to run here; 0 when it has; null where no wait makes it promotable. */
  readonly soakLeftSeconds: number | null;
  /** Whether a promotion to it waits for an approval. */
  readonly needsApproval: boolean;
  /** Why the calendar forbids promotions to it now, and until when; null while it allows them. */
  readonly closed: string | null;
  /** The environment that promotes to it; null for the first. */
  readonly promotesFrom: string | null;
}

export interface Barrier {
  /** In a few words, as in "Turned away". */
  readonly word: string;
  readonly sentence: string;
}

export interface RunView {
  /** Name of the pipeline run, which is that of its first Workflow. */
  readonly name: string;
  /** What was asked for: `train-model`, `promote-model`, ... */
  readonly template: string;
  /** `1.0.X`, as soon as it is known. */
  readonly version: string | null;
  readonly requestedBy: string;
  readonly startedAt: string;
  /** null while it runs. */
  readonly finishedAt: string | null;
  /** null while it runs. */
  readonly outcome: { readonly word: string; readonly sentence: string } | null;
  readonly steps: readonly StepView[];
}

export interface StepView {
  readonly workflow: string;
  /**
   * Unique in the Workflow; names the step's log: `GET /api/logs/<workflow>/<id>`, a stream of events `line`, each with
   * a line as its text. An event `end` follows the last one; its text says why there are no more, and is empty where
   * the log has ended. A stream that is opened anew begins with the log's newest lines again.
   */
  readonly id: string;
  readonly name: string;
  /** `Pending`, `Running`, `Succeeded`, `Failed`, `Error`, `Skipped` or `Omitted`. */
  readonly phase: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** What a gate found; null for other steps, and before it has judged. */
  readonly verdict: { readonly verdict: string; readonly reason: string } | null;
  /** Why it failed; an empty string where it did not. */
  readonly message: string;
}

export interface ApprovalView {
  readonly name: string;
  readonly target: string;
  /** `1.0.X`. */
  readonly version: string;
  readonly digest: string;
  readonly requestedBy: string;
  readonly requestedAt: string;
  readonly expiresAt: string;
  /** How many people have to approve. */
  readonly minimum: number;
  /** Why it goes round the calendar; an empty string for a usual promotion. */
  readonly emergency: string;
  /** The figures that the approval is for, by `gate.figure`. */
  readonly figures: Readonly<Record<string, number>>;
  readonly responses: readonly { readonly user: string; readonly action: string; readonly message: string }[];
  /** `Waiting`, `Approved`, `Rejected`, `Expired` or `Void`. */
  readonly phase: string;
  readonly reason: string;
}

/** `GET /api/models?before=<number>`: the newest, or those before a version; at most 100, newest first. */
export interface ModelsPage {
  readonly models: readonly ModelView[];
  readonly hasOlder: boolean;
}

export interface ModelView {
  /** `1.0.X`, and X. */
  readonly version: string;
  readonly number: number;
  readonly registeredAt: string;
  readonly scenario: string | null;
  readonly dataSha256: string | null;
  readonly digest: string | null;
  readonly aliases: readonly string[];
  /** Share of the held-out pictures that it gets right, 0 to 1, overall and by class; null where it is not known. */
  readonly accuracy: Accuracy | null;
  /** The same of the version in production when it was registered. */
  readonly production: (Accuracy & { readonly version: string }) | null;
  /** In the order in which they ran. */
  readonly gates: readonly GateView[];
  /** Verdict of staging: `pass`, `fail`, `inconclusive`, `withdrawn`, `superseded`; null before it was tested. */
  readonly verdict: string | null;
  readonly reason: string;
  /** How far its answers in canary were from production's, in words; null where nothing was compared. */
  readonly disagreement: string | null;
  /** Number of its records in the history. */
  readonly records: number;
  /** When its image and files were collected; null while they are there. */
  readonly collected: string | null;
}

export interface Accuracy {
  readonly overall: number;
  readonly byClass: Readonly<Record<string, number>>;
}

export interface GateView {
  readonly gate: string;
  /** `pass`, `fail`, `inconclusive` or `skipped`. */
  readonly verdict: string;
  /** With value and bar. */
  readonly reason: string;
  readonly figures: Readonly<Record<string, number>>;
}

/** What a record may be of. */
export const recordActions = [
  "deploy",
  "promote",
  "revert",
  "restore",
  "abort",
  "ask",
  "approve",
  "reject",
  "expire",
  "freeze",
  "unfreeze",
] as const;

/**
 * `GET /api/history?environment=<name>&action=<action>&version=1.0.<number>&before=<time>`: the newest records for
 * which all of it is so; at most 100.
 */
export interface HistoryPage {
  readonly records: readonly RecordView[];
  readonly hasOlder: boolean;
}

export interface RecordView {
  readonly startedAt: string;
  /** null while it is open. */
  readonly endedAt: string | null;
  readonly action: string;
  /** `-` for what concerns all of them. */
  readonly environment: string;
  readonly version: string | null;
  /** null while it is open. */
  readonly outcome: string | null;
  readonly requestedBy: string;
  readonly reason: string;
  readonly disagreement: string | null;
  /** What the environment served from its end on, where that changed. */
  readonly serves: { readonly version: string; readonly digest: string } | null;
}

/** `GET /api/served?at=<time>`: what each environment served then, from the record. */
export interface ServedView {
  readonly at: string;
  /** Time of the oldest record, with which the slider begins; null without a record. */
  readonly from: string | null;
  readonly environments: readonly {
    readonly name: string;
    readonly version: string | null;
    readonly digest: string | null;
  }[];
}

/** `GET /api/delivery`: the figures of the last 30 days. Times in seconds; null where there is none. */
export interface DeliveryView {
  readonly from: string;
  readonly to: string;
  readonly leadTime: { readonly count: number; readonly median: number | null; readonly p90: number | null };
  /** How many versions came all the way of which MLflow no longer knows the beginning. */
  readonly unknownLeadTimes: number;
  readonly judged: number;
  readonly turnedAway: number;
  /** How many each gate turned away. */
  readonly by: Readonly<Record<string, number>>;
  readonly environments: readonly {
    readonly name: string;
    readonly deployments: number;
    readonly failures: number;
    readonly restore: { readonly count: number; readonly median: number | null };
  }[];
}

/** `GET /api/oidc`: where people sign in, beside with a token. */
export interface OidcView {
  /** null where the stack names no provider. */
  readonly provider: OidcProvider | null;
}

export interface OidcProvider {
  /** URL, as the provider's tokens name it. */
  readonly issuer: string;
  readonly clientId: string;
  /** Those beside `openid`. */
  readonly scopes: readonly string[];
}

/** `GET /api/session`, and the answer to `POST /api/session` with `{ "token": "…" }`. `DELETE` signs out. */
export interface SessionView {
  /** The name under which the API server knows the person; null while nobody is signed in. */
  readonly username: string | null;
}

/**
 * `POST /api/act` as the person who is signed in: the API server decides. The answer is `ActAnswer`, with status 200,
 * or 401 (nobody is signed in), 403 (the API server refuses it), 400 (it makes no sense) or 429 (too many acts).
 */
export type Act =
  | { readonly act: "train"; readonly scenario: string }
  | {
      readonly act: "promote";
      readonly version: number;
      readonly source: string;
      readonly target: string;
      /** Why it goes round the calendar; an empty string for a usual promotion. */
      readonly emergency: string;
    }
  /** Reverts staging. `version`: the one that it must not go back to; null to leave a version that passed. */
  | { readonly act: "revert"; readonly version: number | null; readonly why: string }
  | { readonly act: "freeze"; readonly why: string }
  | { readonly act: "unfreeze"; readonly why: string }
  | { readonly act: "approve" | "reject"; readonly approval: string; readonly message: string };

export interface ActAnswer {
  /** What was done, or why not and what to do, in one sentence. */
  readonly sentence: string;
}

/** Every answer of the API that is no answer. */
export interface ErrorAnswer {
  readonly error: string;
}
