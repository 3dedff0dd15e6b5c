/** The real Pulumi CLI on a real API server, through the compiled plugins. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { installCompiledPlugins } from "../../stacks/plugins";
import { type PluginsStack, startPluginsStack } from "./plugins-stack";

const password = "correct horse battery staple";
let stack: PluginsStack;
beforeAll(async () => {
  stack = await startPluginsStack(password);
}, 60_000);
afterAll(() => stack?.end());

it("brings a stack up, finds nothing to change, shows a change well, makes it, and takes all down again", async () => {
  const { state, update, names } = stack;
  expect(installCompiledPlugins()).toEqual(["kubernetes", "command"]);
  const up = await update("up", "--yes");
  expect(up).toContain("+ 12 created");
  expect(up).toContain('hello   : "hello world"');
  expect(await names("/api/v1/namespaces/demo/configmaps")).toEqual(
    expect.arrayContaining(["settings", expect.stringMatching(/^named-[0-9a-f]{8}$/)]),
  );

  expect(await update("up", "--yes")).toMatch(/Resources:\n {4}12 unchanged/);
  expect(await update("refresh", "--yes", "--skip-preview")).toMatch(/Resources:\n {4}12 unchanged/);

  const changes = ["-c", "memory=512Mi", "-c", "color=red", "-c", "who=you"];
  const preview = await update("preview", "--diff", ...changes);
  expect(preview).toContain('~ memory: "256Mi" => "512Mi"');
  expect(preview).toContain('~ color: "green" => "red"');
  expect(preview).toMatch(/~ 3 to update\n {4}9 unchanged/);

  const changed = await update("up", "--yes", "--skip-preview", ...changes);
  expect(changed).toMatch(/~ 3 updated\n {4}9 unchanged/);
  expect(changed).toContain('"again you, after: hello world"');

  const recorded = readFileSync(join(state, "pulumi-backend/.pulumi/stacks/plugins/dev.json"), "utf8");
  for (const text of [up, preview, changed, recorded]) {
    expect(text).not.toContain(password);
    expect(text).not.toContain(Buffer.from(password).toString("base64"));
  }

  expect(await update("destroy", "--yes", "--skip-preview")).toContain("- 12 deleted");
  expect(await names("/api/v1/namespaces")).not.toContain("demo");
  expect(await names("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")).toEqual([]);
}, 120_000);
