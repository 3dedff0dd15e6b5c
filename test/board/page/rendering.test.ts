import { h } from "preact";
import { renderToString } from "preact-render-to-string";
import { describe, expect, it } from "vitest";
import type { PipelineView, RecordView } from "../../../board/api";
import { ActFields, titleOf } from "../../../board/page/components/act-fields";
import { Header } from "../../../board/page/components/header";
import { Links } from "../../../board/page/components/links";
import { ModelDetail } from "../../../board/page/components/model-detail";
import { ModelTable } from "../../../board/page/components/model-table";
import { RecordTable } from "../../../board/page/components/record-table";
import { Timeline } from "../../../board/page/components/timeline";
import { VersionChip } from "../../../board/page/components/version-chip";
import { Pipeline } from "../../../board/page/views/pipeline";
import { makeScene, type SceneName } from "../scenes";

// The page takes the time from the browser.
const now = Date.now();
const nothing = () => undefined;
const hostile = `<img src=x onerror="alert(1)">`;

const viewOf = (scene: SceneName): PipelineView => makeScene(scene, now).pipelineAt(now);

/** The same with every text replaced, as deep as it goes, but those that are times or known words. */
function poison<T>(value: T): T {
  if (typeof value === "string") return (/^\d{4}-/.test(value) ? value : `${hostile}${value}`) as T;
  if (Array.isArray(value)) return value.map(poison) as T;
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, poison(inner)])) as T;
}

const pipeline = (view: PipelineView) => renderToString(h(Pipeline, { view, act: nothing }));

const models = (scene: SceneName, change: <T>(value: T) => T = (value) => value) =>
  renderToString(h(ModelTable, { models: change(makeScene(scene, now).models), selected: null, nearEnd: nothing }));

const records = (found: readonly RecordView[]) =>
  renderToString(h(RecordTable, { records: found, show: nothing, nearEnd: nothing }));

describe("the pipeline's view", () => {
  it("shows each environment with its version, digest and health, and what stands between them", () => {
    const html = pipeline(viewOf("usual"));
    for (const text of ["staging", "canary", "production", "1.0.24", "1.0.22", "Healthy", "80 % of users"])
      expect(html).toContain(text);
    expect(html).toContain("Waits for approval");
    expect(html).toContain("1 of 2 approvals");
    expect(html).toContain("soaks for another");
  });

  it("says of an environment without an Application what to do, and of no other", () => {
    const [first, ...others] = viewOf("usual").environments;
    const advice = "Argo CD has no Application for it: npm start makes it again";
    expect(pipeline(viewOf("usual"))).not.toContain(advice);
    expect(
      pipeline({ ...viewOf("usual"), environments: [{ ...first, health: "NoApplication" }, ...others] }),
    ).toContain(advice);
  });

  it("says who froze it and why, and what could not be read", () => {
    const html = pipeline(viewOf("frozen"));
    expect(html).toContain("release of the shop until Monday");
    expect(html).toContain(`by <span title="alice">alice</span> since`);
    expect(html).toContain("MLflow answered with 503: upstream connect error");
  });

  it("says what the looks at people's pictures found", () => {
    const dataDrift = "Data drift in production: 1 of 5 looks over 0.35, the latest at 0.21 (red).";
    expect(pipeline({ ...viewOf("usual"), dataDrift })).toContain(`<p class="hint">${dataDrift}</p>`);
  });

  it("says what to do where there is nothing yet", () => {
    const html = pipeline(viewOf("empty"));
    expect(html).toContain("base image");
    expect(html).toContain("Train the first model");
    expect(pipeline({ ...viewOf("empty"), environments: [] })).toContain("No environment yet");
  });

  it("leads from a run to its Workflows, and from an environment to its Application", () => {
    const html = pipeline(viewOf("usual"));
    expect(html).toContain('href="http://127.0.0.1:2746/workflows/argo/train-model-7xk2p"');
    expect(html).toContain('href="http://127.0.0.1:8888/applications/argocd/gourmetgram-canary"');
    const without = pipeline({ ...viewOf("usual"), links: {} });
    expect(without).toContain("<h3>train-model-7xk2p</h3>");
    expect(without).not.toContain("target=");
  });

  it("offers a promotion with what it promotes in its name", () => {
    expect(pipeline({ ...viewOf("usual"), approvals: [] })).toContain(
      'aria-label="Promote 1.0.24 from canary to production"',
    );
  });
});

describe("the dialog that promotes", () => {
  const draft = { kind: "promote", version: "1.0.22", source: "staging", isEmergency: false, text: "" } as const;
  const dialog = (target: string) =>
    renderToString(h(ActFields, { draft: { ...draft, target }, view: viewOf("usual"), change: nothing }));

  it("offers the way round the calendar only where people approve it", () => {
    expect(dialog("production")).toContain("Emergency: go round the calendar");
    expect(dialog("canary")).not.toContain("Emergency");
  });
});

describe("the dialog that answers a request", () => {
  const [request] = viewOf("usual").approvals;
  const other = { ...request, name: "promote-model-other", requestedBy: "oidc:dora", emergency: "production is down" };
  const view = { ...viewOf("usual"), approvals: [other, request] };
  const draft = (kind: "approve" | "reject", approval: string) => ({ kind, approval, text: "" });
  const dialog = (approval: string) =>
    renderToString(h(ActFields, { draft: draft("approve", approval), view, change: nothing }));

  it("names the version and the environment", () => {
    expect(titleOf(draft("approve", request.name), view)).toBe("Approve 1.0.24 for production");
    expect(titleOf(draft("reject", request.name), view)).toBe("Reject 1.0.24 for production");
    expect(titleOf(draft("reject", "gone"), view)).toBe("Reject the promotion");
    expect(titleOf(draft("approve", request.name), null)).toBe("Approve the promotion");
  });

  it("says which of several requests it is", () => {
    expect(dialog(request.name)).toContain(`bob asked`);
    expect(dialog(request.name)).toContain(`<code title="${request.digest}">`);
    expect(dialog(request.name)).not.toContain("Emergency");
    expect(dialog(other.name)).toContain("oidc:dora asked");
    expect(dialog(other.name)).toContain("Emergency, round the calendar: production is down");
    expect(dialog("gone")).not.toContain("asked");
  });
});

describe("a thousand versions", () => {
  it("are a table of as many rows, of which few are drawn", () => {
    const html = models("large");
    expect(html).toContain('aria-rowcount="1001"');
    const { length } = html.match(/<tr/g)!;
    expect(length).toBeGreaterThan(15);
    expect(length).toBeLessThan(60);
  });

  it("lead to their records in the history, where there are any", () => {
    const html = models("usual");
    expect(html).toMatch(/<a href="#\/history\?version=1\.0\.24" aria-label="2 records of 1\.0\.24">2<\/a>/);
    expect(html).not.toContain("0 records");
  });

  it("say what each gate found to those who do not see the signs", () => {
    expect(models("usual")).toContain("integration: pass");
  });
});

it("a version is a link to its model in its colour, and the base image is neither", () => {
  const chip = (version: string | null) => renderToString(h(VersionChip, { version }));
  expect(chip("1.0.7")).toMatch(/^<a class="chip hue-\d+" href="#\/models\/1\.0\.7">1\.0\.7<\/a>$/);
  expect(chip(null)).toBe('<span class="chip hue-none">base image</span>');
});

it("the record says what was done, in words as well as in colour", () => {
  const html = records(makeScene("usual", now).recordsAt(now));
  for (const text of ["promote", "production", "reverted", "1.0.24"]) expect(html).toContain(text);
});

describe("whatever the cluster holds", () => {
  const view = poison(viewOf("usual"));
  const { recordsAt, models: versions } = makeScene("usual", now);
  const found = recordsAt(now);
  const pages = {
    pipeline: () => pipeline(view),
    "frozen pipeline": () => pipeline(poison(viewOf("frozen"))),
    models: () => models("usual", poison),
    model: () =>
      renderToString(
        h(ModelDetail, { version: poison("1.0.24"), against: undefined, models: poison(versions), view, act: nothing }),
      ),
    record: () => records(poison(found)),
    timeline: () =>
      renderToString(
        h(Timeline, {
          lanes: [
            { environment: hostile, spans: [{ version: hostile, from: view.at, to: view.at, x: 0, width: 100 }] },
          ],
          period: { from: now - 3_600_000, to: now },
        }),
      ),
    header: () =>
      renderToString(
        h(Header, {
          current: "pipeline",
          connection: { kind: "live", since: view.at },
          seen: null,
          username: hostile,
          signIn: nothing,
          signOut: nothing,
          train: nothing,
        }),
      ),
    dialog: () =>
      renderToString(
        h(ActFields, {
          draft: {
            kind: "promote",
            version: hostile,
            source: hostile,
            target: hostile,
            isEmergency: true,
            text: hostile,
          },
          view,
          change: nothing,
        }),
      ),
  };

  it.each(Object.entries(pages))("comes out as text in the %s", (_name, render) => {
    const html = render();
    expect(html.match(/&lt;img src=x/g)).not.toBeNull();
    expect(html.match(/<img/g)).toBeNull();
  });

  it.each(Object.entries(pages))("needs no inline style or script in the %s", (_name, render) => {
    const tags = render().replace(/"[^"]*"/g, '""');
    expect(tags.match(/<[^>]* (style|on[a-z]+)=|<script|<style/g) ?? []).toEqual([]);
  });

  it("is linked only where a browser may go", () => {
    const links = { "Argo CD": "javascript:alert(1)", MLflow: "http://127.0.0.1:8000", staging: "data:text/html,x" };
    const html = renderToString(h(Links, { view: { ...viewOf("usual"), links } }));
    expect(html.match(/href="[^"]*"/g)).toEqual(['href="http://127.0.0.1:8000/"']);
    expect(pipeline({ ...viewOf("usual"), links })).not.toContain("data:text");
  });
});
