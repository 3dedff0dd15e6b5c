import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readSettings } from "../../../board/server/settings";

describe("the board's settings", () => {
  const page = mkdtempSync(join(tmpdir(), "board-settings-"));
  beforeAll(() => writeFileSync(join(page, "index.html"), ""));
  afterAll(() => rmSync(page, { recursive: true }));

  it("are a port, the addresses of other pages and the folder of the page", () =>
    expect(readSettings({ PORT: "8090", LINKS: '{"mlflow":"http://localhost:8000"}', BOARD_PAGE: page })).toEqual({
      port: 8090,
      links: { mlflow: "http://localhost:8000" },
      page,
    }));

  it("are refused in one error that lists every mistake", () =>
    expect(() => readSettings({ PORT: "http", BOARD_PAGE: "/nowhere" })).toThrow(
      new Error(
        [
          "The board's settings are wrong:",
          'PORT "http" is not a port: write a whole number from 1 to 65535',
          'LINKS must be JSON with a URL by name, as in {"mlflow":"http://localhost:8000"}',
          'BOARD_PAGE "/nowhere" is not the folder of the built page: it has no index.html',
        ].join("\n"),
      ),
    ));

  it.each(["0", "65536", "1e3", " 80", ""])("have no port %j", (port) =>
    expect(() => readSettings({ PORT: port, LINKS: "{}", BOARD_PAGE: page })).toThrow("is not a port"),
  );

  it.each(['{"a":"javascript:alert(1)"}', '{"a":7}', '["http://a"]', "null", "{"])("have no links %s", (links) =>
    expect(() => readSettings({ PORT: "1", LINKS: links, BOARD_PAGE: page })).toThrow("LINKS must be JSON"),
  );
});
