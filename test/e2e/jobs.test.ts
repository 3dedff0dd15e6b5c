/** Jobs that failed once, under the real Pulumi CLI and provider. The test decides how their pods end. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { nameOf, type Properties } from "./kube-client";
import { type PluginsStack, startPluginsStack } from "./plugins-stack";

const jobs = "/apis/batch/v1/namespaces/demo/jobs";
const pods = "/api/v1/namespaces/demo/pods";
const names = ["app-publish-1", "key-secret"];

let stack: PluginsStack;
beforeAll(async () => {
  stack = await startPluginsStack("none", "jobs", "jobs-program");
}, 120_000);
afterAll(() => stack?.end());

const uidOf = (object: Properties) => (object.metadata as { uid: string }).uid;
const patchStatus = (path: string, status: object) =>
  stack.plane.client.request("PATCH", `${path}/status`, {
    body: { status },
    contentType: "application/strategic-merge-patch+json",
  });
const uids = () =>
  Promise.all(names.map(async (name) => uidOf(await stack.plane.client.request("GET", `${jobs}/${name}`))));
const up = () => stack.update("up", "--yes", "--skip-preview");

/** Waits for a pod of each Job, but for those of the Jobs in `former`, and calls `end` with its and the Job's name. */
async function onceRunning(former: string[], end: (pod: string, job: string) => Promise<unknown>): Promise<void> {
  for (const job of names) {
    const pod = await stack.plane.client.follow(pods, { labelSelector: `job-name=${job}` }, (found) => {
      const [owner] = (found?.metadata as { ownerReferences: { uid: string }[] } | undefined)?.ownerReferences ?? [];
      return found && !former.includes(owner.uid) ? nameOf(found) : undefined;
    });
    await end(pod, job);
  }
}

const failed = {
  type: "FailureTarget",
  status: "True",
  reason: "BackoffLimitExceeded",
  message: "the registry is away",
};

it("fails the update with the Jobs", async () => {
  const update = up();
  await onceRunning([], (_pod, job) => patchStatus(`${jobs}/${job}`, { conditions: [failed] }));
  const error = await update.then(
    () => undefined,
    (reason: Error) => reason,
  );
  expect(error?.message).toMatch(/app-publish-1.*[\s\S]*the registry is away/);
}, 300_000);

it("makes them again in the next update, which ends well with them", async () => {
  const former = await uids();
  const update = up();
  await onceRunning(former, (pod) => patchStatus(`${pods}/${pod}`, { phase: "Succeeded" }));
  expect(await update).toContain("+-2 replaced");
  for (const uid of await uids()) expect(former).not.toContain(uid);
}, 300_000);

it("leaves those that ended well as they are", async () => {
  const before = await uids();
  expect(await up()).not.toMatch(/created|replaced|updated/);
  expect(await uids()).toEqual(before);
}, 300_000);
