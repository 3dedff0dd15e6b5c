import { type Registration, record } from "./registrations";
import { runnableStack } from "./stack-files";

/**
 * Runs the whole program on Pulumi's mocks.
 * @param config settings by full key, as `runnableStack` gives them
 * @param platformConfig the same of the platform that a stack of environments names; default the shipped one
 */
export async function runProgram(
  config: Record<string, unknown>,
  name?: string,
  platformConfig?: Record<string, unknown>,
): Promise<{ registrations: Registration[]; outputs: any }> {
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
  const { default: run } = (await import("../index")) as unknown as { default: () => Promise<object> };
  return run();
}
