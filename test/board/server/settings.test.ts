import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readSettings } from "../../../board/server/settings";

describe("the board's settings", () => {
  const page = mkdtempSync(join(tmpdir(), "board-settings-"));
  beforeAll(() => writeFileSync(join(page, "index.html"), ""));
  afterAll(() => rmSync(page, { recursive: true }));

  const variables = { PORT: "1", LINKS: "{}", HOSTS: "[]", OIDC: "null", BOARD_PAGE: page };
  const provider = { issuer: "https://login.example.org", clientId: "board", scopes: ["email"] };

  it("are a port, the addresses of other pages, the board's own hosts and the folder of the page", () =>
    expect(
      readSettings({
        PORT: "8090",
        LINKS: '{"mlflow":"http://localhost:8000"}',
        HOSTS: '["food.example.org"]',
        OIDC: JSON.stringify(provider),
        BOARD_PAGE: page,
      }),
    ).toEqual({
      port: 8090,
      links: { mlflow: "http://localhost:8000" },
      hosts: ["food.example.org"],
      oidc: provider,
      page,
    }));

  it("are refused in one error that lists every mistake", () =>
    expect(() => readSettings({ PORT: "http", BOARD_PAGE: "/nowhere" })).toThrow(
      new Error(
        [
          "The board's settings are wrong:",
          'PORT "http" is not a port: write a whole number from 1 to 65535',
          'LINKS must be JSON with a URL by name, as in {"mlflow":"http://localhost:8000"}',
          'HOSTS must be a JSON list of hosts, as in ["food.example.org"]',
          "OIDC must be null, or JSON with an https issuer, a clientId and a list of scopes",
          'BOARD_PAGE "/nowhere" is not the folder of the built page: it has no index.html',
        ].join("\n"),
      ),
    ));

  it.each(["0", "65536", "1e3", " 80", ""])("have no port %j", (port) =>
    expect(() => readSettings({ ...variables, PORT: port })).toThrow("is not a port"),
  );

  it.each(['{"a":"javascript:alert(1)"}', '{"a":7}', '["http://a"]', "null", "{"])("have no links %s", (links) =>
    expect(() => readSettings({ ...variables, LINKS: links })).toThrow("LINKS must be JSON"),
  );

  it("may have no provider", () => expect(readSettings(variables).oidc).toBeNull());

  it.each<[string, unknown]>([
    ["plain http", { ...provider, issuer: "http://login.example.org" }],
    ["no client", { issuer: provider.issuer, scopes: [] }],
    ["a scope that is no text", { ...provider, scopes: [7] }],
  ])("have no provider with %s", (_title, oidc) =>
    expect(() => readSettings({ ...variables, OIDC: JSON.stringify(oidc) })).toThrow("OIDC must be null"),
  );

  it.each(["", "{}", "[7]", '"food.example.org"'])("have no hosts %s", (hosts) =>
    expect(() => readSettings({ ...variables, HOSTS: hosts })).toThrow("HOSTS must be a JSON list"),
  );
});
