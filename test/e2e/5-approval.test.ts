import { beforeAll, describe, expect, it } from "vitest";
import { type Approval, listApprovals, respond } from "../../client/approvals";
import { promotionParameters } from "../../client/promotion";
import { submit } from "../../client/workflows";
import { approvalsPath } from "../../components/shared/workflow-names";
import { connect } from "../../stacks/stack-cluster";
import { npm } from "./commands";
import { followToEnd, killPods, waitFor, withParameters } from "./faults";
import { environment, expectSettled, releases, workflowsPath } from "./observations";
import { everybody, type Person, usernameOf, withPeople } from "./people";
import { withStackChange } from "./stack-change";

const approval = {
  production: { users: ["anna", "ben", "carl"].map(usernameOf), minimum: 1, expiryHours: 1 },
};

let version: string;
let number: string;

beforeAll(async () => {
  version = (await environment("canary")).version!;
  number = version.replace("1.0.", "");
});

interface Asked {
  readonly source?: string;
  readonly target?: string;
  readonly emergency?: string;
}

/** Asks as a person for a promotion, as a rule from canary to production. @returns the request, once it is there */
async function ask(
  { cluster }: Person,
  { source = "canary", target = "production", emergency }: Asked = {},
): Promise<Approval> {
  const name = await submit(cluster, "promote-model", promotionParameters(number, source, target, emergency));
  return waitFor("the request", async () => (await listApprovals(connect())).find((one) => one.name === name));
}

/** The newest records of an environment, oldest first. */
async function recorded(count: number, target = "production"): Promise<string[]> {
  const found = (await releases()).filter(({ environment: name }) => name === target).slice(0, count);
  return found
    .reverse()
    .map(({ action, requestedBy, outcome, reason }) => `${action} ${requestedBy} ${outcome} ${reason}`);
}

const sentenceOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "",
    (error: Error) => error.message,
  );

describe("Given a stack whose production people approve", () => {
  it("When somebody asks, Then only another person who is named can approve it, and all is on record", async () => {
    await withPeople(["anna", "ben", "dora"], ({ anna, ben, dora }) =>
      withStackChange({ pipeline: { approval } }, async (update) => {
        await update;
        const request = await ask(anna);
        expect(request).toMatchObject({ target: "production", version, requestedBy: anna.username, minimum: 1 });

        expect(await sentenceOf(respond(anna.cluster, request.name, "approve", "mine"))).toBe(
          `${anna.username} asked for this promotion, and may not approve it: another person has to`,
        );
        expect(await sentenceOf(respond(connect(), request.name, "approve", "root"))).toMatch(
          /^\S+ may not respond to promotions to production: pipeline\.approval\.production names who may$/,
        );
        // Dora has no right to look at it, which comes before the policy.
        expect(await sentenceOf(respond(dora.cluster, request.name, "approve", "me too"))).toContain("forbidden");
        const inAnotherName = { user: usernameOf("carl"), action: "approve", message: "as carl" };
        expect(
          await sentenceOf(
            ben.cluster.api(`${approvalsPath}/${request.name}`, {
              method: "PATCH",
              headers: { "content-type": "application/json-patch+json" },
              body: [{ op: "add", path: "/spec/responses/-", value: inAnotherName }],
            }),
          ),
        ).toContain(`a response carries the name of who sends it: write ${ben.username}`);
        expect(
          await sentenceOf(
            connect().api(`${approvalsPath}/${request.name}`, {
              method: "PATCH",
              headers: { "content-type": "application/merge-patch+json" },
              body: { spec: { minimum: 0, digest: `sha256:${"0".repeat(64)}` } },
            }),
          ),
        ).not.toBe("");

        // Kubernetes deletes what an owner owns that is not there.
        const owned = { metadata: { ownerReferences: [] } };
        expect(
          await sentenceOf(
            ben.cluster.api(`${approvalsPath}/${request.name}`, {
              method: "PATCH",
              headers: { "content-type": "application/merge-patch+json" },
              body: owned,
            }),
          ),
        ).toContain("a request goes with the workflow that asks, and not before");
        // Argo would put production in the place of the word.
        const parameters = {
          "model-version": number,
          "target-environment": "{{workflow.parameters.x}}",
          x: "production",
        };
        const unnamed = {
          apiVersion: "argoproj.io/v1alpha1",
          kind: "Workflow",
          metadata: { generateName: "unnamed-", namespace: "argo" },
          spec: {
            workflowTemplateRef: { name: "promote-model" },
            arguments: { parameters: Object.entries(parameters).map(([name, value]) => ({ name, value })) },
          },
        };
        expect(await sentenceOf(anna.cluster.api(workflowsPath, { method: "POST", body: unnamed }))).toContain(
          "who asks for an approval gives a name",
        );

        const asItIs = await connect().api<{ status: unknown }>(`${approvalsPath}/${request.name}`);
        expect(asItIs.status).toEqual({ phase: "Waiting" });
        const status = await npm("run", "status");
        expect(status.stdout).toContain(`${anna.username} asks to promote ${version} to production. 0 of 1 approved.`);

        // A node that dies takes the waiting pod with it.
        await killPods("argo", `workflows.argoproj.io/workflow=${request.name}`);
        const approve = await ben.npm("run", "approve", "--", number, "--message", "looked at canary for an hour");
        expect([approve.code, approve.stdout]).toEqual([
          0,
          `You approved the promotion of ${version} to production.\n`,
        ]);
        expect(await followToEnd(request.name)).toEqual({
          exitCode: 0,
          word: "Promoted",
          sentence: `production serves ${version}`,
        });
        expect(await sentenceOf(respond(ben.cluster, request.name, "reject", "too late"))).toBe(
          "this request is Approved: ask again, with npm run promote",
        );
        expect(await recorded(3)).toEqual([
          `ask ${anna.username} asked Waits for the approval of 1 person until ${request.expiresAt}.`,
          `approve ${ben.username} approved looked at canary for an hour`,
          `promote ${anna.username} promoted production serves ${version}`,
        ]);
        await expectSettled({ canary: version, production: version });

        // Somebody rejects the next one.
        const second = await ask(anna);
        const reject = await ben.npm("run", "reject", "--", number, "production", "--message", "too many soups");
        expect([reject.code, reject.stdout]).toEqual([0, `You rejected the promotion of ${version} to production.\n`]);
        const rejected = `${ben.username} rejected the promotion of ${version} to production: too many soups`;
        expect(await followToEnd(second.name)).toEqual({ exitCode: 1, word: "Turned away", sentence: rejected });
        expect(await recorded(1)).toEqual([`reject ${ben.username} rejected too many soups`]);

        // Staging is tested again while somebody thinks: the gates sign other figures.
        const third = await ask(anna);
        const again = await submit(connect(), "test-staging", { "model-version": number, digest: "" });
        expect(await followToEnd(again)).toMatchObject({ word: "Promoted" });
        await respond(ben.cluster, third.name, "approve", "fast enough");
        const outcome = await followToEnd(third.name);
        expect(outcome).toMatchObject({ exitCode: 1, word: "Turned away" });
        expect(outcome.sentence).toMatch(
          /^The approval is void, since load\.p95Ms was [\d.]+ when it was asked for, and is [\d.]+ now: ask again\.$/,
        );
        expect((await listApprovals(connect())).find(({ name }) => name === third.name)!.phase).toBe("Void");

        // Nobody answers the last one. A stack would give them an hour at least.
        const soon = JSON.stringify({ production: { minimum: 1, expirySeconds: 15 } });
        const { unanswered, expired } = await withParameters({ approval: soon }, async () => {
          const unanswered = await ask(anna);
          return { unanswered, expired: await followToEnd(unanswered.name) };
        });
        const sentence =
          `0 of 1 people had approved the promotion of ${version} to production ` +
          `when the request expired at ${unanswered.expiresAt}: ask again.`;
        expect(expired).toEqual({ exitCode: 1, word: "Turned away", sentence });
        expect(await recorded(1)).toEqual([`expire the pipeline expired ${sentence}`]);
        expect(await sentenceOf(respond(ben.cluster, unanswered.name, "approve", "too late"))).toBe(
          "this request is Expired: ask again, with npm run promote",
        );
      }),
    );
  });

  it("When two of a group have to approve, Then who asked counts as one, and nobody counts twice", async () => {
    const canary = { groups: [everybody], minimum: 2, byRequester: true, expiryHours: 1 };
    await withPeople(["anna", "dora"], ({ anna, dora }) =>
      withStackChange({ pipeline: { approval: { canary } } }, async (update) => {
        await update;
        const request = await ask(anna, { source: "staging", target: "canary" });
        expect(request).toMatchObject({ target: "canary", version, requestedBy: anna.username, minimum: 2 });
        const approve = (person: Person, message: string) =>
          person.npm("run", "approve", "--", number, "canary", "--message", message);
        const approved = `You approved the promotion of ${version} to canary.\n`;

        expect(await approve(anna, "looked at staging")).toMatchObject({ code: 0, stdout: approved });
        expect(await approve(anna, "looked again")).toMatchObject({
          code: 1,
          output: expect.stringContaining("you have responded to this request already"),
        });
        expect((await npm("run", "status")).stdout).toContain("1 of 2 approved.");
        expect(await approve(dora, "looked at it too")).toMatchObject({ code: 0, stdout: approved });
        expect(await followToEnd(request.name)).toEqual({
          exitCode: 0,
          word: "Promoted",
          sentence: `canary serves ${version}`,
        });
        expect(await recorded(4, "canary")).toEqual([
          `ask ${anna.username} asked Waits for the approval of 2 people until ${request.expiresAt}.`,
          `approve ${anna.username} approved looked at staging`,
          `approve ${dora.username} approved looked at it too`,
          `promote ${anna.username} promoted canary serves ${version}`,
        ]);
      }),
    );
    await expectSettled({ staging: version, canary: version, production: version });
  });

  it("When the calendar is closed, Then an emergency is approved, recorded, and nothing else comes in", async () => {
    const always = {
      kind: "deny",
      environments: ["production"],
      schedule: "* * * * *",
      minutes: 60,
      description: "exams",
    };
    await withPeople(["anna", "ben"], ({ anna, ben }) =>
      withStackChange({ pipeline: { approval, windows: { always } } }, async (update) => {
        await update;
        const usual = await submit(anna.cluster, "promote-model", promotionParameters(number, "canary", "production"));
        const refused = await followToEnd(usual);
        expect(refused).toMatchObject({ exitCode: 1, word: "Turned away" });
        expect(refused.sentence).toBe(
          "Promotions to production are closed by the window always (exams). No opening is in sight. " +
            "In an emergency, which is recorded and needs an approval: " +
            `npm run promote -- ${number} canary production --emergency "<why>"`,
        );
        const request = await ask(anna, { emergency: "production is down" });
        expect(request.emergency).toBe("production is down");
        await respond(ben.cluster, request.name, "approve", "saw it too");
        expect(await followToEnd(request.name)).toEqual({
          exitCode: 0,
          word: "Promoted",
          sentence: `production serves ${version}, in an emergency: production is down`,
        });
      }),
    );
    await expectSettled({ canary: version, production: version });
  });
});
