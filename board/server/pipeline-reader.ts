import { describeDataDrift } from "../../client/data-drift";
import { readParameters } from "../../client/environments";
import { listNewestModels, type Model, readRegisteredVersion } from "../../client/models";
import { newestModels, type Status, statusOf } from "../../client/pipeline-status";
import { listNewestReleases } from "../../client/releases";
import { describeSplit } from "../../client/traffic-split";
import { listWorkflows, type Workflow } from "../../client/workflows";
import type { ApprovalView, PipelineView } from "../api";
import { noRules, type PromotionRules, readApprovals, readPromotionRules } from "./approvals";
import { type EnvironmentRecord, environmentViews } from "./environment-view";
import { LastGood } from "./last-good";
import { runViews } from "./run-view";
import type { WatchedCluster } from "./watched-cluster";

/** Records of an environment among which is, as a rule, the one of what it serves. */
const records = 50;

type Records = Readonly<Record<string, EnvironmentRecord>>;

/** Makes pictures of the pipeline, one after another. */
export class PipelineReader {
  private readonly models = new LastGood<Model[]>([]);
  private readonly status = new LastGood<Status | null>(null);
  private readonly records = new LastGood<Records>({});
  private readonly workflows = new LastGood<Workflow[]>([]);
  private readonly minimumSoakMinutes = new LastGood(0);
  private readonly rules = new LastGood<PromotionRules>(noRules);
  private readonly approvals = new LastGood<ApprovalView[]>([]);

  /** @param links addresses of the environments and of other pages, by name */
  constructor(
    private readonly cluster: WatchedCluster,
    private readonly links: Readonly<Record<string, string>>,
  ) {}

  /** The pipeline as it is now. What cannot be read is named, and stays as it was. */
  async read(now: Date): Promise<PipelineView> {
    const problems: string[] = [];
    const { cluster } = this;
    const models = await this.models.read(async () => (await listNewestModels(cluster, newestModels)).models, problems);
    const [status, workflows, minimumSoakMinutes, rules, approvals] = await Promise.all([
      this.status.read(() => statusOf(cluster, models), problems),
      this.workflows.read(() => listWorkflows(cluster), problems),
      this.minimumSoakMinutes.read(() => readMinimumSoak(cluster), problems),
      this.rules.read(() => readPromotionRules(cluster), problems),
      this.approvals.read(() => readApprovals(cluster), problems),
    ]);
    const environments = status?.environments ?? [];
    const records = await this.records.read(() => this.readRecords(environments), problems);
    const traffic = status?.traffic ?? null;
    const dataDrift = status?.dataDrift ?? null;
    return {
      at: now.toISOString(),
      recordAt: cluster.recordAt?.toISOString() ?? null,
      environments: environmentViews({ environments, records, traffic, minimumSoakMinutes, rules }, now),
      freeze: status?.freeze ?? null,
      traffic: traffic && describeSplit(traffic),
      dataDrift: dataDrift && describeDataDrift(dataDrift),
      runs: runViews(workflows, now),
      approvals,
      problems: [...new Set([...problems, ...cluster.problems()])],
      links: this.links,
    };
  }

  private async readRecords(environments: Status["environments"]): Promise<Records> {
    const { cluster } = this;
    const found = environments.map(async ({ name, version }): Promise<[string, EnvironmentRecord]> => {
      const number = /^1\.0\.(\d+)$/.exec(version ?? "")?.[1];
      const [{ releases }, registered] = await Promise.all([
        listNewestReleases(cluster, records, { environment: name }),
        number ? readRegisteredVersion(cluster, number) : undefined,
      ]);
      return [name, { releases, version: registered }];
    });
    return Object.fromEntries(await Promise.all(found));
  }
}

async function readMinimumSoak(cluster: WatchedCluster): Promise<number> {
  return Number((await readParameters(cluster))["minimum-soak-minutes"] ?? 0) || 0;
}
