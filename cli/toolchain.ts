import { manifestHashesPath, pinManifests } from "../components/platform/manifest-pins";
import { pinnedManifests } from "../config";
import { runMain } from "../lib/main";
import { readPins, writePins } from "../lib/pins";
import { architectures, hashesPath, officialFiles } from "../local/toolchain/official-binaries";
import { pinBinaries } from "../local/toolchain/pin-binaries";

const usage = `Usage: npm run toolchain -- pin

Compares the hashes of the binaries that npm start downloads with those of their releases, and those of the release
manifests with what their hosts have. Writes them to local/toolchain/official-hashes.json and
components/platform/manifest-hashes.json. Needs the internet. Ends with code 1 if one could not be checked.`;

async function main(): Promise<number> {
  const [action, ...others] = process.argv.slice(2);
  if (action !== "pin" || others.length > 0) {
    console.log(usage);
    return action === "--help" || action === "-h" ? 0 : 2;
  }
  const files = architectures.flatMap((architecture) => officialFiles(architecture));
  const [binaries, manifests] = await Promise.all([
    pinBinaries(files, readPins(hashesPath)),
    pinManifests(Object.values(pinnedManifests).flat(), readPins(manifestHashesPath)),
  ]);
  writePins(hashesPath, binaries.pins);
  writePins(manifestHashesPath, manifests.pins);
  console.log([...binaries.lines, ...manifests.lines].join("\n"));
  return binaries.failures + manifests.failures > 0 ? 1 : 0;
}

runMain(main);
