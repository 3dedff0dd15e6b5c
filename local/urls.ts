import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { stateDir } from "../lib/paths";
import { readWhole, writeWhole } from "../lib/whole-file";

type Urls = Record<string, string>;

interface RecordedUrls {
  /** As people open them. */
  people: Urls;
  /** As this machine reaches them: it may not reach a floating IP of its own. */
  machine: Urls;
}

const file = () => join(stateDir(), "urls.json");

function recordedUrls(): RecordedUrls {
  return { people: {}, machine: {}, ...(readWhole(file()) as Partial<RecordedUrls> | undefined) };
}

/** Addresses of environments and UIs, by name, as people open them; the last starts recorded them. */
export const knownUrls = (): Urls => recordedUrls().people;

/** The same addresses, as this machine reaches them. */
export const machineUrls = (): Urls => recordedUrls().machine;

/**
 * Records the addresses for `npm run status`, which does not ask Pulumi.
 * @param isPlatform whether these are all addresses; otherwise they are added to the recorded ones
 * @param machine as this machine reaches them; default as people do
 */
export function recordUrls(people: Urls, isPlatform: boolean, machine: Urls = people): void {
  const before = isPlatform ? { people: {}, machine: {} } : recordedUrls();
  const recorded = { people: { ...before.people, ...people }, machine: { ...before.machine, ...machine } };
  mkdirSync(stateDir(), { recursive: true });
  writeWhole(file(), `${JSON.stringify(recorded, null, 2)}\n`);
}
