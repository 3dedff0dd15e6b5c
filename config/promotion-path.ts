/** The path of environments that models are promoted along. It begins with the one where candidates are tested. */

/** The environment that begins every promotion path. */
export const firstEnvironment = "staging";

type Environments = Readonly<Record<string, { readonly promotesFrom?: string }>>;

/** Where an environment of the path is, for the workflows and for Argo CD. */
export interface EnvironmentLocation {
  /** Port of its Service, 1 to 65535. */
  readonly port: number;
  /** Environment that its models come from; none for the first. */
  readonly promotesFrom?: string;
  /** Stack that holds it, if that is not the platform's stack. */
  readonly stack?: string;
  /** Argo CD's name of its cluster, if that is not the platform's cluster. */
  readonly cluster?: string;
  /** URL at which the workflows reach it, if it is not on the platform's cluster. */
  readonly url?: string;
}
/** Every environment that models are promoted along, in order. */
export type PromotionPath = Readonly<Record<string, EnvironmentLocation>>;

/** Names of the environments whose pods are on the platform's cluster. */
export const environmentsHere = (path: PromotionPath): string[] =>
  Object.keys(path).filter((name) => path[name].cluster === undefined);

/** Name of the environment at the end of the path, which people use. */
export const lastEnvironment = (path: PromotionPath): string => Object.keys(path).at(-1)!;

/** An environment that the gateway leads users to. */
export interface Backend {
  readonly environment: string;
}

/** The two environments that the gateway splits users between: the last one of the path, and the one before it. */
export function splitEnvironments(path: PromotionPath): Readonly<Record<"production" | "canary", Backend>> {
  const [canary, production] = Object.keys(path)
    .slice(-2)
    .map((environment) => ({ environment }));
  return { production, canary };
}

/** Names of the environments in the order of promotion. Those that no promotion reaches come last, sorted by name. */
export function promotionOrder(environments: Environments): string[] {
  const names = Object.keys(environments).sort();
  const path: string[] = [];
  let next: string | undefined = names.find((name) => name === firstEnvironment);
  while (next !== undefined) {
    path.push(next);
    next = targetAfter(path, names, environments);
  }
  return [...path, ...names.filter((name) => !path.includes(name))];
}

/** The environment that the last one of the path promotes to. */
function targetAfter(path: string[], names: string[], environments: Environments): string | undefined {
  return names.find((name) => !path.includes(name) && environments[name].promotesFrom === path.at(-1));
}

/** The same environments in the order of promotion. */
export function inPromotionOrder<Environment extends { readonly promotesFrom?: string }>(
  environments: Readonly<Record<string, Environment>>,
): Record<string, Environment> {
  return Object.fromEntries(promotionOrder(environments).map((name) => [name, environments[name]]));
}

/** Why environments are no single path, and what to write instead. */
export interface PromotionPathError {
  readonly environment: string;
  /** Key of the setting below the environment; empty for the environment itself. */
  readonly key: string[];
  readonly message: string;
}

/** Checks that the environments are a single path that begins with `staging`. */
export function promotionPathErrors(environments: Environments): PromotionPathError[] {
  const names = Object.keys(environments).sort();
  const errors = names.flatMap((environment) => {
    const message = sourceError(environment, names, environments);
    return message ? [{ environment, key: ["promotesFrom"], message }] : [];
  });
  if (names.includes(firstEnvironment)) return errors;
  return [
    {
      environment: firstEnvironment,
      key: [],
      message: "missing: add this environment, since candidates are tested in it",
    },
    ...errors,
  ];
}

/** What is wrong with the `promotesFrom` of one environment. */
function sourceError(name: string, names: string[], environments: Environments): string | undefined {
  const source = environments[name].promotesFrom;
  if (name === firstEnvironment) return source && `remove it, since ${firstEnvironment} begins the promotion path`;
  if (!source)
    return `missing: write the environment that its models come from, since only ${firstEnvironment} has none`;
  if (!names.includes(source)) return unknownSourceError(name, source, names);
  const target = names.find((other) => other !== firstEnvironment && environments[other].promotesFrom === source);
  if (target !== name) return `${source} already promotes to ${target}: write another environment`;
  if (isInCycle(name, environments))
    return `no promotion path leads from ${firstEnvironment} to ${source}: write another environment`;
  return undefined;
}

/** A missing first environment is an error of its own, so no environment after it reports it again. */
function unknownSourceError(name: string, source: string, names: string[]): string | undefined {
  if (source === firstEnvironment) return undefined;
  const others = names.filter((other) => other !== name && other !== firstEnvironment);
  const choice = others.length === 0 ? firstEnvironment : `one of ${[firstEnvironment, ...others].join(", ")}`;
  return `there is no environment ${source}: write ${choice}`;
}

/** Whether an environment promotes to itself, directly or through others. */
function isInCycle(name: string, environments: Environments): boolean {
  const visited = new Set<string>();
  let source = environments[name].promotesFrom;
  while (source && source !== firstEnvironment && !visited.has(source)) {
    if (source === name) return true;
    visited.add(source);
    source = environments[source]?.promotesFrom;
  }
  return false;
}
