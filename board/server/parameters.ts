/** The parameters of the API's addresses. Whatever is not exactly as it must be is refused with a sentence. */
import { Refusal } from "./refusal";

/** The parameters of a query. @throws Refusal for one that the address does not take, or that is there twice */
export function readQuery<Name extends string>(
  query: URLSearchParams,
  names: readonly Name[],
): Readonly<Partial<Record<Name, string>>> {
  for (const name of query.keys()) {
    if (!(names as readonly string[]).includes(name))
      throw new Refusal(400, `There is no parameter "${name}": write ${names.join(", ") || "none"}.`);
    if (query.getAll(name).length > 1) throw new Refusal(400, `The parameter ${name} is there twice: write it once.`);
  }
  return Object.fromEntries(query) as Partial<Record<Name, string>>;
}

/** A time, or undefined without one. @throws Refusal for what is none */
export function timeOf(name: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const time = new Date(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?Z$/.test(text) ? text : Number.NaN);
  if (Number.isNaN(time.getTime()))
    throw new Refusal(400, `${name} "${text}" is not a time: write it as in 2026-01-31T12:00:00Z.`);
  return time;
}

/** A version as the app names it, or undefined without one. @throws Refusal for what is none */
export function appVersionOf(name: string, text: string | undefined): string | undefined {
  if (text === undefined || /^1\.0\.[1-9]\d{0,8}$/.test(text)) return text;
  throw new Refusal(400, `${name} "${text}" is not a version: write it as in 1.0.7.`);
}

/** One of a few words, or undefined without one. @throws Refusal for another word */
export function wordOf(name: string, text: string | undefined, words: readonly string[]): string | undefined {
  if (text === undefined || words.includes(text)) return text;
  throw new Refusal(400, `${name} "${text}" is none of the ${name}s: write one of ${words.join(", ")}.`);
}

/** Number of a model version, or undefined without one. @throws Refusal for what is none */
export function versionOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Refusal(400, `${name} "${text}" is not a version: write its number.`);
  return Number(text);
}
