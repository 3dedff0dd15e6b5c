import { type Registration, record } from "./registrations";
import { runnableStack } from "./stack-files";

interface Program {
  registrations: Registration[];
  outputs: any;
}

const programs = new Map<string, Promise<Program>>();

/**
 * Runs the whole program on Pulumi's mocks, or hands out what it registered when it ran with the same settings before:
 * many tests look at the same stacks. So what it hands out is frozen.
 * @param config settings by full key, as `runnableStack` gives them
 * @param platformConfig the same of the platform that a stack of environments names; default the shipped one
 */
export function runProgram(
  config: Record<string, unknown>,
  name?: string,
  platformConfig?: Record<string, unknown>,
): Promise<Program> {
  const key = JSON.stringify([config, name, platformConfig]);
  const program = programs.get(key) ?? run(config, name, platformConfig).then(frozen);
  programs.set(key, program);
  return program;
}

/**
 * How many resources Pulumi counts of such a program: what it registers, and the stack itself. What comes out of the
 * manifest of a release, which only the real program reads, is not among them.
 */
export const resourceCount = ({ registrations }: Pick<Program, "registrations">): number => registrations.length + 1;

/**
 * Namespaces in which an update from one program to another starts pods: a workload is new, or its pods are described
 * in other words. In alphabetical order.
 */
export function namespacesWithNewPods(before: Registration[], after: Registration[]): string[] {
  const podsOf = new Map(workloads(before).map(({ type, name, inputs }) => [`${type} ${name}`, podText(inputs)]));
  return [
    ...new Set(
      workloads(after)
        .filter(({ type, name, inputs }) => podsOf.get(`${type} ${name}`) !== podText(inputs))
        .map(({ inputs }) => inputs.metadata.namespace as string),
    ),
  ].sort();
}

const workloads = (registrations: Registration[]): Registration[] =>
  registrations.filter(({ type }) => /:(Deployment|StatefulSet|DaemonSet)$/.test(type));

const podText = ({ spec }: Registration["inputs"]): string => JSON.stringify(spec.template);

async function run(
  config: Record<string, unknown>,
  name?: string,
  platformConfig?: Record<string, unknown>,
): Promise<Program> {
  const platform = (config["gourmetgram:platform"] as { stack: string } | undefined)?.stack;
  const references = platform
    ? {
        [`organization/gourmetgram/${platform}`]: (
          await runProgram(platformConfig ?? runnableStack(platform), platform)
        ).outputs,
      }
    : {};
  const { registrations, result } = await record(config, program, { name, references });
  return { registrations, outputs: result };
}

async function program(): Promise<object> {
  const { default: wholeProgram } = (await import("../index")) as unknown as { default: () => Promise<object> };
  return wholeProgram();
}

function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}
