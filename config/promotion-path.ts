/** The path of environments that models are promoted along, from the one where candidates are tested. */

/** The environment that begins every promotion path. */
export const firstEnvironment = "staging";

type Environments = Readonly<Record<string, { readonly promotesFrom?: string }>>;

/** Where an environment of the path is, for the workflows and for Argo CD. */
export interface EnvironmentLocation {
  /** Port of its Service, 1 to 65535. */
  readonly port: number;
  /** Environment that its models come from; none for the first. */
  readonly promotesFrom?: string;
  /** Stack that holds it, where that is another one than the platform's. */
  readonly stack?: string;
  /** Argo CD's name of its cluster, where that is not the platform's; and where the workflows reach it then. */
  readonly cluster?: string;
  readonly url?: string;
}
/** Every environment that models are promoted along, in order. */
export type PromotionPath = Readonly<Record<string, EnvironmentLocation>>;

/** Names of the environments in the order of promotion; those that no promotion leads to come last, by name. */
export function promotionOrder(environments: Environments): string[] {
  const names = Object.keys(environments).sort();
  const path: string[] = [];
  const next = () =>
    names.find(
      (name) =>
        !path.includes(name) &&
        (path.length === 0 ? name === firstEnvironment : environments[name].promotesFrom === path.at(-1)),
    );
  for (let name = next(); name; name = next()) path.push(name);
  return [...path, ...names.filter((name) => !path.includes(name))];
}

/** The same environments in the order of promotion. */
export function inPromotionOrder<Each extends { readonly promotesFrom?: string }>(
  environments: Readonly<Record<string, Each>>,
): Record<string, Each> {
  return Object.fromEntries(promotionOrder(environments).map((name) => [name, environments[name]]));
}

/** Why the environments are no single path that begins with `staging`: the key of each mistake below its environment, and what to write instead. */
export function promotionPathErrors(
  environments: Environments,
): { environment: string; key: string[]; message: string }[] {
  const names = Object.keys(environments).sort();
  const source = (name: string) => environments[name]?.promotesFrom;
  const sourceErrors = names.flatMap((name) => {
    const message = sourceError(name, names, source);
    return message ? [{ environment: name, key: ["promotesFrom"], message }] : [];
  });
  if (names.includes(firstEnvironment)) return sourceErrors;
  return [
    { environment: firstEnvironment, key: [], message: "missing: write it, since candidates are tested there" },
    ...sourceErrors,
  ];
}

function sourceError(name: string, names: string[], source: (name: string) => string | undefined): string | undefined {
  const from = source(name);
  if (name === firstEnvironment) return from && "leave it out, since candidates are tested here";
  if (!from)
    return `missing: write the environment that its models come from, since candidates are tested in ${firstEnvironment} alone`;
  if (!names.includes(from))
    return from === firstEnvironment ? undefined : `there is no environment ${from}: write ${others(name, names)}`;
  const sibling = names.find((other) => other !== firstEnvironment && source(other) === from)!;
  if (sibling !== name) return `${from} promotes to ${sibling} already: write another one`;
  return comesFromItself(name, source)
    ? `no promotion leads from ${firstEnvironment} to ${from}: write another one`
    : undefined;
}

/** What a mistyped source can have meant. */
function others(name: string, names: string[]): string {
  const known = [firstEnvironment, ...names.filter((other) => other !== name && other !== firstEnvironment)];
  return known.length === 1 ? known[0] : `one of ${known.join(", ")}`;
}

function comesFromItself(name: string, source: (name: string) => string | undefined): boolean {
  const passed = new Set<string>();
  for (let at = source(name); at && at !== firstEnvironment && !passed.has(at); at = source(at)) {
    if (at === name) return true;
    passed.add(at);
  }
  return false;
}
