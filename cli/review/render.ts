/** A summary as text for a terminal, and as Markdown for a pull request. */
import type { Detail, Item, Sign } from "./items";
import type { Section, Summary } from "./summary";

const signs: Record<Sign, string> = {
  create: "+",
  update: "~",
  replace: "±",
  delete: "-",
  restart: "↻",
  violation: "✗",
  warning: "!",
  note: "·",
};

/** Largest number of properties listed for one change. */
const maxDetails = 25;
/** GitHub takes comments of up to 65,536 characters. */
const longestComment = 60_000;

/** The summary as a person reads it in a terminal. */
export function renderText(summary: Summary): string {
  const sections = summary.sections.map(({ title, items }) => [title, ...items.flatMap(textOf)].join("\n"));
  const { alarm, title, sentence } = summary;
  return [...(alarm ? [alarm] : []), `${title}: ${sentence}`, ...sections].join("\n\n");
}

function textOf(item: Item): string[] {
  const { details, more } = limitDetails(item);
  const width = Math.max(0, ...details.map(({ label }) => label.length));
  const lines = details.map((detail) => `      ${detail.label.padEnd(width)}  ${changeText(detail)}`);
  return [
    `  ${signs[item.sign]} ${item.text.replaceAll("\n", "\n    ")}`,
    ...lines,
    ...(more > 0 ? [`      and ${more} more`] : []),
  ];
}

function changeText({ before, after }: Detail): string {
  if (before === undefined) return `+ ${after}`;
  if (after === undefined) return `- ${before}`;
  return `${before} → ${after}`;
}

function limitDetails({ details }: Item): { details: readonly Detail[]; more: number } {
  return { details: details.slice(0, maxDetails), more: Math.max(0, details.length - maxDetails) };
}

/** First line of a comment, by which a later one of the same title replaces it. */
export const marker = (title: string): string => `<!-- GourmetGram Pipeline: ${title} -->`;

/** The summary as a comment on a pull request. None of its texts can mention people, link or add markup. */
export function renderMarkdown(summary: Summary): string {
  const { alarm, title, sentence, sides, sections } = summary;
  const lines = [
    marker(title),
    ...(alarm ? [`**✗** ${code(alarm)}`, ""] : []),
    `### ${title}`,
    "",
    sentence,
    ...sections.flatMap((section) => sectionMarkdown(section, sides)),
    "",
  ];
  const text = lines.join("\n");
  if (text.length <= longestComment) return text;
  const kept = text.slice(0, text.lastIndexOf("\n", longestComment));
  return `${kept}\n\n**Cut here:** run \`npm run preview\` to see all of it.\n`;
}

function sectionMarkdown({ title, items }: Section, sides: Summary["sides"]): string[] {
  const body = items.flatMap((item) => itemMarkdown(item, sides));
  if (title === "Everything else")
    return ["", `<details><summary>${title}: ${items.length}</summary>`, "", ...body, "", "</details>"];
  return ["", `#### ${title}`, "", ...body];
}

function itemMarkdown(item: Item, [before, after]: Summary["sides"]): string[] {
  const { details, more } = limitDetails(item);
  const rows = details.map((detail) => `  | ${cell(detail.label)} | ${cell(detail.before)} | ${cell(detail.after)} |`);
  const table = rows.length > 0 ? ["", `  | | ${before} | ${after} |`, "  | --- | --- | --- |", ...rows, ""] : [];
  return [`- **${signs[item.sign]}** ${code(item.text)}`, ...table, ...(more > 0 ? [`  and ${more} more`, ""] : [])];
}

const cell = (text: string | undefined): string => (text === undefined ? "" : code(text).replaceAll("|", "\\|"));

/** An inline code span, in which GitHub reads no mention, link or markup. */
function code(text: string): string {
  const line = text.replace(/\s*\n\s*/g, " ⏎ ");
  const fence = "`".repeat(Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length)) + 1);
  return fence.length > 1 ? `${fence} ${line} ${fence}` : `\`${line}\``;
}
