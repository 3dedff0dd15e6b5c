import { describe, expect, it } from "vitest";
import { nameOf, parseEvents } from "../../../cli/review/events";
import { renderMarkdown, renderText } from "../../../cli/review/render";
import { summarise } from "../../../cli/review/summary";
import { recorded, recordedLines } from "./recorded";

const step = (metadata: object, event = "resourcePreEvent") =>
  JSON.stringify({
    [event]: {
      metadata: { type: "kubernetes:core/v1:ConfigMap", old: null, new: null, detailedDiff: null, ...metadata },
    },
  });
const state = (inputs: object) => ({
  custom: true,
  parent: "urn:pulumi:staging::gourmetgram::gourmetgram:release:Environment::canary",
  inputs,
});
const urn =
  "urn:pulumi:staging::gourmetgram::gourmetgram:release:Environment$kubernetes:core/v1:ConfigMap::canary-bundle";

describe("parseEvents", () => {
  it("reads what is to change, and counts what stays", () => {
    const { changes, unchanged, errors, complete } = recorded("preview-changes");
    expect(changes.map(({ operation, urn }) => `${operation} ${nameOf(urn)}`).sort()).toEqual([
      "delete canary-network-policy",
      "replace canary-publish",
      "replace mlflow-data",
      "replace mlflow-deployment",
      "update argo/argo-server",
      "update argocd/argocd-redis",
      "update canary-application",
      "update canary-bundle",
      "update canary-look-role",
      "update canary-repository",
      "update pipeline-parameters",
    ]);
    expect([unchanged, errors, complete]).toEqual([138, [], true]);
  });

  it("says of a change whose it is, what differs, and what can't change in place", () => {
    const { changes } = recorded("preview-changes");
    const volume = changes.find(({ urn }) => nameOf(urn) === "mlflow-data")!;
    expect(volume.owner).toEqual({ type: "gourmetgram:platform:ModelRegistry", name: "mlflow" });
    expect([volume.differing, volume.replacedFor]).toEqual([["spec.accessModes[0]"], ["spec.accessModes[0]"]]);
    expect([volume.before, volume.after].map((properties) => (properties.spec as any).accessModes)).toEqual([
      ["ReadWriteOnce"],
      ["ReadWriteMany"],
    ]);
  });

  it("reads the policies' findings, which fail the preview and are its only fault", () => {
    const { violations, errors, complete } = recorded("preview-changes");
    expect(violations).toEqual([
      {
        level: "mandatory",
        policy: "gourmetgram/memory-limits",
        message:
          "Deployment gourmetgram-canary in ConfigMap canary-bundle gives its container app a memory limit of 512Mi: write 256Mi, or name canary with 512Mi in policy/exceptions.json",
        urn,
      },
    ]);
    expect([errors, complete]).toEqual([[], true]);
  });

  it("takes a policy's description where it says no more", () => {
    const policy = {
      policyName: "p",
      policyPackName: "pack",
      enforcementLevel: "advisory",
      message: "No pod is privileged.\n",
    };
    expect(parseEvents([JSON.stringify({ policyEvent: policy })]).violations).toEqual([
      { level: "advisory", policy: "pack/p", message: "No pod is privileged.", urn: "" },
    ]);
  });

  it("tells what a policy could not judge from what it forbids", () => {
    const { violations, uncheckedByPolicy } = recorded("preview-images");
    expect(violations).toEqual([]);
    expect(uncheckedByPolicy.map(({ policy, urn }) => `${policy} ${nameOf(urn)}`)).toContain(
      "gourmetgram/memory-limits canary-bundle",
    );
  });

  it("tells what no policy can judge from what one forbids", () => {
    const said = (policyName: string, message: string) =>
      JSON.stringify({
        policyEvent: {
          resourceUrn: urn,
          policyName,
          policyPackName: "gourmetgram",
          enforcementLevel: "advisory",
          message: `Description.\n${message}\n`,
        },
      });
    const events = parseEvents([
      said("not-checked", "Release shop is not checked: Helm."),
      said("not-checked-files", "ConfigFile files is not checked: nothing yet."),
      said("other", "no"),
    ]);
    expect(events.violations.map(({ policy }) => policy)).toEqual(["gourmetgram/other"]);
    const summary = summarise("staging", events, []);
    const listed =
      "Not checked\n  · ConfigFile files is not checked: nothing yet.\n  · Release shop is not checked: Helm.";
    expect(renderText(summary)).toContain(listed);
    expect(renderMarkdown(summary)).toContain("#### Not checked\n\n- **·** `ConfigFile files is not checked");
  });

  it("reads why the program failed, without the calls that led there", () => {
    const { errors, complete } = recorded("preview-failed");
    expect(complete).toBe(false);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain("gourmetgram:pipeline.epoch: unknown key: remove it, or mend its spelling");
    expect(errors[0]).not.toMatch(/^\s+at /m);
  });

  it("hears the CLI when it begins nothing, and knows that it did not", () => {
    expect(parseEvents(["error: no stack named 'nope' found"])).toMatchObject({
      errors: ["no stack named 'nope' found"],
      changes: [],
      complete: false,
    });
    expect(parseEvents([])).toMatchObject({ errors: [], complete: false });
  });

  it("takes a preview that failed without a reason for one that did not come to its end", () => {
    const failed = JSON.stringify({ diagnosticEvent: { message: "preview failed\n", severity: "error" } });
    const summary = JSON.stringify({ summaryEvent: { resourceChanges: { same: 3 } } });
    expect(parseEvents([failed, summary])).toMatchObject({ errors: [], unchanged: 3, complete: false });
    expect(parseEvents([summary])).toMatchObject({ errors: [], complete: true });
  });

  it("puts marked secrets, what a Secret holds, and what isn't known yet into words", () => {
    const marked = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "xyz" };
    const inputs = {
      kind: "Secret",
      data: { a: "eHl6" },
      stringData: marked,
      spec: [marked, "04da6b54-80e4-46f7-96ec-b56ff0331ba9"],
    };
    const [change] = parseEvents([
      step({ op: "update", urn, old: state(inputs), new: state({ kind: "ConfigMap", data: { a: "b" } }) }),
    ]).changes;
    expect(change.before).toEqual({
      kind: "Secret",
      data: "[secret]",
      stringData: "[secret]",
      spec: ["[secret]", "(known once applied)"],
    });
    expect(change.after).toEqual({ kind: "ConfigMap", data: { a: "b" } });
  });

  it("leaves components, repeats of a replacement, debug lines and passing ones out", () => {
    const said = (severity: string, ephemeral = false) =>
      JSON.stringify({ diagnosticEvent: { urn, message: `${severity}\n`, severity, ephemeral } });
    const component = { ...state({}), custom: false };
    const events = parseEvents([
      step({ op: "update", urn, old: component, new: component }),
      step({ op: "create-replacement", urn, new: state({}) }),
      step({ op: "same", urn, old: state({}), new: state({}) }),
      said("debug"),
      said("warning", true),
      said("warning"),
    ]);
    expect(events).toMatchObject({ changes: [], warnings: ["canary-bundle: warning"], errors: [] });
  });
});

describe("what a refresh found", () => {
  it("is what somebody changed, and not what the program changes after it", () => {
    expect(recorded("drift").refreshed.map(nameOf)).toEqual(["production-bundle"]);
    expect(recorded("drift-none").refreshed).toEqual([]);
    const lines = [
      step({ op: "refresh", urn }),
      step({ op: "refresh", urn, new: state({}) }, "resOutputsEvent"),
      step({ op: "update", urn }),
      step({ op: "update", urn, detailedDiff: { data: {} } }, "resOutputsEvent"),
    ];
    expect(parseEvents(lines).refreshed).toEqual([]);
  });

  it("is what is no longer there, and what a provider without details says differs", () => {
    expect(
      parseEvents([
        step({ op: "refresh", urn }),
        step({ op: "refresh", urn, old: state({}), new: null }, "resOutputsEvent"),
      ]).refreshed,
    ).toEqual([urn]);
    expect(
      parseEvents([
        step({ op: "refresh", urn }),
        step({ op: "refresh", urn, new: state({}), diffs: ["data"] }, "resOutputsEvent"),
      ]).refreshed,
    ).toEqual([urn]);
  });
});

it("no recorded line holds more of a secret than that there is one", () => {
  for (const name of ["preview-changes", "preview-images", "drift"])
    expect(
      recordedLines(name)
        .join("\n")
        .match(/"ciphertext":"(?!\[secret\])/g),
    ).toBeNull();
});
