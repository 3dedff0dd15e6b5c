import * as pulumi from "@pulumi/pulumi";

/** One resource as the program registered it. */
export interface Registration {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, any>;
  /** Name of the parent, `null` at the top. */
  readonly parent: string | null;
  readonly custom: boolean;
  /** Whether Pulumi refuses to delete it. */
  readonly protect: boolean;
  /** Properties whose recorded values stay. */
  readonly ignoreChanges: string[];
  /** Whether a replacement is created after the old object is deleted. */
  readonly deleteBeforeReplace: boolean;
  /** Name of the provider that makes it; null where Pulumi chooses. */
  readonly provider: string | null;
  /** Names of what must be there before it, and goes after it. */
  readonly dependencies: string[];
  /** Types that it had before. */
  readonly aliases: string[];
  /** Names of the parents that it had before. */
  readonly formerParents: string[];
}

/** The stack that a piece of a program is run as. */
export interface RecordedStack {
  /** Default `test`. */
  readonly name?: string;
  /** Outputs of the stacks that it refers to, by their full name. */
  readonly references?: Record<string, object>;
}

/**
 * Runs a piece of a program against Pulumi's mocks, and hands out every registration, sorted by name, and
 * what the piece returned. A call to a provider function, which this program has none of, throws.
 */
export async function record<T>(
  config: Record<string, unknown>,
  piece: () => T | Promise<T>,
  { name: stack = "test", references = {} }: RecordedStack = {},
): Promise<{ registrations: Registration[]; result: pulumi.Unwrap<T> }> {
  const registrations: Registration[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: (args) => ({
        id: `${args.name}-id`,
        state: {
          ...defaults(args.type, args.inputs),
          ...(isReference(args.type) && { outputs: references[args.inputs.name] }),
          ...args.inputs,
        },
      }),
      call: (args) => {
        throw new Error(`unexpected provider call ${args.token}`);
      },
    },
    "gourmetgram",
    stack,
    false,
    "organization",
  );
  pulumi.runtime.setAllConfig(
    Object.fromEntries(
      Object.entries(config).map(([key, value]) => [
        key,
        typeof value === "string" ? value : JSON.stringify(sorted(value)),
      ]),
    ),
  );
  // Pulumi's mocks are not told the parent: it is read where the registration arrives.
  const monitor = pulumi.runtime.getMonitor() as any;
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request: any, callback: unknown) => {
    registrations.push({
      type: request.getType(),
      name: request.getName(),
      inputs: pulumi.runtime.deserializeProperties(request.getObject()),
      parent: request.getParent().split("::").at(-1) || null,
      custom: request.getCustom(),
      protect: request.getProtect(),
      ignoreChanges: request.getIgnorechangesList(),
      deleteBeforeReplace: request.getDeletebeforereplace(),
      provider: request.getProvider().split("::").at(-2) ?? null,
      aliases: request.getAliasesList().map((alias: any) => alias.getSpec().getType()),
      formerParents: request
        .getAliasesList()
        .flatMap((alias: any) => alias.getSpec().getParenturn().split("::").at(-1) || []),
      dependencies: request.getDependenciesList().map((urn: string) => urn.split("::").at(-1)!),
    });
    return register(request, callback);
  };
  // Pulumi formats a stack trace for each promise: to look up the lines of the sources takes half of the whole time.
  const { prepareStackTrace } = Error;
  Error.prepareStackTrace = (error) => String(error);
  const result = await Promise.resolve(piece())
    .then((returned) => settled(pulumi.output(returned)))
    .finally(() => pulumi.runtime.disconnect())
    .finally(() => {
      Error.prepareStackTrace = prepareStackTrace;
    });
  registrations.sort((a, b) => `${a.type} ${a.name}`.localeCompare(`${b.type} ${b.name}`));
  return { registrations, result: result as pulumi.Unwrap<T> };
}

/** As the CLI hands a mapping over: its keys sorted, whatever order the file has. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value) || typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

/** The one registration of that name. @throws when there is none, or more than one */
export function one(registrations: Registration[], name: string): Registration {
  const found = registrations.filter((registration) => registration.name === name);
  if (found.length !== 1)
    throw new Error(
      `${found.length} registrations are named ${name}: ${registrations.map((each) => each.name).join(", ")}`,
    );
  return found[0];
}

/** `kind name` of every registration below `parent`, sorted: what a component consists of, and nothing else. */
export function childrenOf(registrations: Registration[], parent: string): string[] {
  return registrations
    .filter((each) => each.parent === parent)
    .map(({ type, name }) => `${type.split(":").at(-1)} ${name}`)
    .sort();
}

const isReference = (type: string) => type === "pulumi:pulumi:StackReference";

/** A piece that lets every output resolve before it returns. */
function settled<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => output.apply(resolve));
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

/** A token as Kubernetes writes it, of the account that a Secret names; without a signature. */
function tokenOf({ namespace, annotations }: { namespace: string; annotations: Record<string, string> }): string {
  const claims = { sub: `system:serviceaccount:${namespace}:${annotations["kubernetes.io/service-account.name"]}` };
  return `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.`;
}

/** What a provider would add of its own, and the program reads. */
function defaults(type: string, inputs: Record<string, any>): Record<string, unknown> {
  if (inputs.type === "kubernetes.io/service-account-token")
    return { data: { token: base64(tokenOf(inputs.metadata)), "ca.crt": base64("authority") } };
  const digests = {
    app: `sha256:${"a".repeat(64)}`,
    train: `sha256:${"b".repeat(64)}`,
    tools: `sha256:${"c".repeat(64)}`,
    board: `sha256:${"d".repeat(64)}`,
  };
  return type === "command:local:Command" ? { stdout: JSON.stringify(digests) } : {};
}
