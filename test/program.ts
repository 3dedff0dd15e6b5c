import { record, Registration } from "./registrations";
import { runnableStack } from "./stacks";

/**
 * Runs the whole program on Pulumi's mocks. A stack without the platform gets what the shipped one's hands out.
 * @param config settings by full key, as `runnableStack` gives them
 */
export async function runProgram(config: Record<string, unknown>, name?: string): Promise<{ registrations: Registration[]; outputs: any }> {
  const platform = (config["gourmetgram:platform"] as { stack: string } | undefined)?.stack;
  const references = platform ? { [`organization/gourmetgram/${platform}`]: (await runProgram(runnableStack(platform), platform)).outputs } : {};
  const { registrations, result } = await record(config, program, { name, references });
  return { registrations, outputs: result };
}

async function program(): Promise<object> {
  const { default: run } = (await import("../index")) as unknown as { default: () => Promise<object> };
  return run();
}
