/** The chain of environments that models are promoted along, from the one where candidates are tested. */

/** The environment that begins every chain. */
export const firstEnvironment = "staging";

type Environments = Readonly<Record<string, { readonly promotesFrom?: string }>>;

/** Names of the environments in the order of promotion; those that no promotion leads to come last, by name. */
export function promotionOrder(environments: Environments): string[] {
  const names = Object.keys(environments).sort();
  const chain: string[] = [];
  const next = () => names.find((name) => !chain.includes(name) && (chain.length === 0 ? name === firstEnvironment : environments[name].promotesFrom === chain.at(-1)));
  for (let name = next(); name; name = next()) chain.push(name);
  return [...chain, ...names.filter((name) => !chain.includes(name))];
}

/** Why the environments are no single chain that begins with `staging`: where each mistake stands, and what to write instead. */
export function brokenChain(environments: Environments): { path: string[]; message: string }[] {
  const names = Object.keys(environments).sort();
  const source = (name: string) => environments[name]?.promotesFrom;
  const misled = names.flatMap((name) => {
    const message = misleading(name, names, source);
    return message ? [{ path: ["environments", name, "promotesFrom"], message }] : [];
  });
  if (names.includes(firstEnvironment)) return misled;
  return [{ path: ["environments", firstEnvironment], message: "missing: write it, since candidates are tested there" }, ...misled];
}

function misleading(name: string, names: string[], source: (name: string) => string | undefined): string | undefined {
  const from = source(name);
  if (name === firstEnvironment) return from && "leave it out, since candidates are tested here";
  if (!from) return `missing: write the environment that its models come from, since candidates are tested in ${firstEnvironment} alone`;
  if (!names.includes(from)) return from === firstEnvironment ? undefined : `there is no environment ${from}: write ${others(name, names)}`;
  const sibling = names.find((other) => other !== firstEnvironment && source(other) === from)!;
  if (sibling !== name) return `${from} promotes to ${sibling} already: write another one`;
  return comesFromItself(name, source) ? `no promotion leads from ${firstEnvironment} to ${from}: write another one` : undefined;
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
