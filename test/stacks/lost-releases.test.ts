import { describe, expect, it } from "vitest";
import { rebuildReleases } from "../../stacks/lost-releases";
import { type Answers, whoIs, withApiServer } from "../cli/api-server";

const argo = "/apis/argoproj.io/v1alpha1/namespaces/argo";
const template = (name: string) => `GET ${argo}/workflowtemplates/${name}`;
const releases = [
  { environment: "canary", version: "1.0.6" },
  { environment: "production", version: "1.0.6" },
];

/** What is submitted for lost images, and what a person is told. */
async function rebuilt(lost: typeof releases, answers: Answers) {
  const known = { ...whoIs("anna"), [`POST ${argo}/workflows`]: {}, ...answers };
  return withApiServer(known, async (cluster, calls) => {
    const said = await rebuildReleases(cluster, lost, { patience: { bound: 100, interval: 10 } });
    const sent = calls.filter(({ line }) => line === `POST ${argo}/workflows`).map(({ body }) => body.spec);
    return { said, templates: sent.map(({ workflowTemplateRef }) => workflowTemplateRef.name).sort() };
  });
}

describe("the images of releases that the registry lost", () => {
  it("are built again by one Workflow for all environments after staging", async () => {
    const { said, templates } = await rebuilt(releases, { [template("restore-releases")]: {} });
    expect(templates).toEqual(["restore-releases"]);
    expect(said).toEqual([expect.stringMatching(/^restore-releases-[0-9a-f]{6} builds the lost images again: /)]);
  });

  it("are built again by another one for staging", async () => {
    const answers = { [template("restore-releases")]: {}, [template("revert-staging")]: {} };
    const { templates } = await rebuilt([{ environment: "staging", version: "1.0.7" }, ...releases], answers);
    expect(templates).toEqual(["restore-releases", "revert-staging"]);
  });

  it("are left to the schedule if the Workflow cannot be submitted", async () => {
    const { said } = await rebuilt(releases, { [template("restore-releases")]: [403, { message: "forbidden" }] });
    expect(said).toEqual(["cron-restore-releases builds the lost images again within ten minutes (forbidden)."]);
  });

  it("are nobody's work if none is lost", async () => {
    expect(await rebuilt([], {})).toEqual({ said: [], templates: [] });
  });
});
