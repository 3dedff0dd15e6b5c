import { parseArgs } from "node:util";
import { rotateKey, signingKey } from "../client/signing-keys";
import { runMain } from "../lib/main";
import { connect } from "../stacks/stack-cluster";

const usage = `Usage: npm run rotate-key -- <training|build|gates|release>

Has the cluster make a new key to sign with. The old public key stays, so what was signed with it still counts.`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: "boolean", short: "h" } },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (positionals.length !== 1) throw new Error(usage.split("\n\n")[0]);
  const key = signingKey(positionals[0]);
  console.log(await rotateKey(connect(), key));
  return 0;
}

if (require.main === module) runMain(main);
