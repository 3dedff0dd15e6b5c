import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { repositoryRoot } from "../../lib/paths";

const read = (page: string) => readFileSync(join(repositoryRoot, page), "utf8");
const docs = readdirSync(join(repositoryRoot, "docs"))
  .filter((file) => file.endsWith(".md"))
  .map((file) => `docs/${file}`);
const pages = ["README.md", "ARCHITECTURE.md", ...docs];
const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };

/** A page without its fenced blocks, in which brackets and `#` are no Markdown. */
const prose = (text: string) => text.replace(/^ *```[\s\S]*?^ *```/gm, "");

/** Where a page links to: the targets of links and images, in Markdown and in HTML. */
function linksOf(text: string): string[] {
  const found = prose(text).matchAll(/\]\(([^)\s]+)\)|<img [^>]*src="([^"]+)"/g);
  return [...found].map(([, markdown, html]) => markdown ?? html).filter((link) => !/^[a-z]+:/.test(link));
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(text: string): string[] {
  return [...prose(text).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** The page or file that a link points to, from the root of the repository, and the anchor in it. */
function target(page: string, link: string): { path: string; anchor?: string } {
  const [path, anchor] = link.split("#");
  return { path: path ? relative(".", join(dirname(page), path)) : page, anchor };
}

/** Why a link leads nowhere; undefined where it leads somewhere. */
function brokenLink(page: string, link: string): string | undefined {
  const { path, anchor } = target(page, link);
  if (!existsSync(join(repositoryRoot, path))) return `${page} links to ${link}, and there is no such file`;
  if (anchor !== undefined && !anchorsOf(read(path)).includes(anchor))
    return `${page} links to ${link}, and ${path} has no such heading`;
  return undefined;
}

/** The npm scripts that a text names. */
function scriptsIn(text: string): string[] {
  const named = text.matchAll(/\bnpm (?:run (?:--silent )?([a-z][a-z0-9:-]*[a-z0-9])|(start|stop|test)\b)/g);
  return [...named].map(([, script, shortened]) => script ?? shortened);
}

describe.each(pages)("%s", (page) => {
  it("links only to files and headings that exist", () => {
    expect(linksOf(read(page)).flatMap((link) => brokenLink(page, link) ?? [])).toEqual([]);
  });

  it("names only npm scripts of package.json", () => {
    expect(scriptsIn(read(page)).filter((script) => !(script in scripts))).toEqual([]);
  });
});

it("every page can be reached from the README", () => {
  const reached = new Set(["README.md"]);
  for (const page of reached)
    for (const link of linksOf(read(page))) {
      const { path } = target(page, link);
      if (pages.includes(path)) reached.add(path);
    }
  expect([...reached].sort()).toEqual([...pages].sort());
});

it("every command of package.json that a person runs is named in a page", () => {
  // npm itself runs a script before another one, and these run install-dependencies.
  const isForNpm = (script: string) =>
    script === "install-dependencies" || (script.startsWith("pre") && script.slice("pre".length) in scripts);
  const named = new Set(pages.flatMap((page) => scriptsIn(read(page))));
  expect(Object.keys(scripts).filter((script) => !isForNpm(script) && !named.has(script))).toEqual([]);
});

it("a broken link, heading or script would be found", () => {
  expect(brokenLink("README.md", "docs/nowhere.md")).toMatch("no such file");
  expect(brokenLink("docs/deploy.md", "review.md#nowhere")).toMatch("no such heading");
  expect(brokenLink("docs/deploy.md", "review.md#github")).toBeUndefined();
  expect(scriptsIn("`npm run nowhere -- 5`, npm test and npm ci")).toEqual(["nowhere", "test"]);
});
