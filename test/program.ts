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
