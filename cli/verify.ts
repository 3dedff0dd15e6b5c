import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { checkChain, type Link, stateOf } from "../client/chain/check";
import { type Evidence, parseEvidence, parseKeys } from "../client/chain/evidence";
import { modelVersion } from "../client/promotion";
import { publicKeysOf } from "../client/signing-keys";
import { runMain } from "../lib/main";
import { wrapped } from "../lib/wrapped";
import { connect } from "../stacks/stack-cluster";
import { readEvidence } from "./chain-evidence";

const usage = `Usage: npm run verify -- <version> [--save <file>] [--keys <file>]
       npm run verify -- --bundle <file> [--keys <file>]

Checks what is signed of a version, from the data that its model learnt from to what each environment runs. --save also
writes all of it to a file, and --bundle checks such a file without a cluster. --keys names the public keys to trust, as
kubectl --namespace argo get configmap signing-keys --output json prints them. The exit code is 0 for a whole chain, 1
for a broken one, and 2 where it could not be checked.`;

/** Columns that a line fits. */
const width = 80;
const signs = { whole: "✓", broken: "✗", unchecked: "?", aside: "·" } as const;
export const exitCodes = { whole: 0, broken: 1, unchecked: 2 } as const;
const endings = {
  whole: "The chain is whole.",
  broken: "The chain is broken.",
  unchecked: "The chain could not be checked as a whole.",
} as const;

/** The chain as a person reads it. @param head what was checked, with which keys */
export function renderChain(chain: Link, head: string): string {
  return [...inLines(head, "", ""), ...linesOf(chain, "", ""), endings[stateOf(chain)]].join("\n");
}

/** @param first what precedes the first line; @param rest what precedes the others */
function linesOf({ title, state, facts, fault, links }: Link, first: string, rest: string): string[] {
  const below = `${rest}${links.length > 0 ? "│" : " "}   `;
  return [
    ...inLines(`${signs[state]} ${title}`, first, below),
    ...facts.flatMap((fact) => inLines(fact, below, `${below}  `)),
    ...(fault ? inLines(fault, below, below) : []),
    ...links.flatMap((one, place) => {
      const isLast = place === links.length - 1;
      return linesOf(one, `${rest}${isLast ? "└─" : "├─"} `, `${rest}${isLast ? "   " : "│  "}`);
    }),
  ];
}

/** A text in lines that fit. What somebody else wrote cannot move the cursor. */
const inLines = (text: string, first: string, rest: string) =>
  wrapped(text.replace(/\p{C}/gu, "�"), width, first, rest);

/** What was checked, and with which keys. */
export function headOf({ version, readAt }: Evidence, bundle?: string, keys?: string): string {
  const what = bundle ? `1.0.${version}, as ${bundle} says of ${readAt}` : `1.0.${version} at ${readAt}`;
  if (keys) return `${what}, with the keys of ${keys}`;
  if (!bundle) return `${what}, with the keys of the cluster`;
  return `${what}, with the bundle's own keys: they prove nothing of who made it, so name those you trust with --keys`;
}

async function main(): Promise<number> {
  const options = {
    help: { type: "boolean", short: "h" },
    save: { type: "string" },
    bundle: { type: "string" },
    keys: { type: "string" },
  } as const;
  const { values, positionals } = parseArgs({ allowPositionals: true, options });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const { save, bundle, keys } = values;
  if (positionals.length !== (bundle ? 0 : 1) || (bundle && save)) throw new Error(usage.split("\n\n")[0]);
  const trusted = keys && (await inFile(keys, parseKeys));
  const evidence = bundle
    ? await inFile(bundle, parseEvidence)
    : await readEvidence(connect(), modelVersion(positionals[0]));
  if (save) await writeFile(save, `${JSON.stringify(evidence, null, 2)}\n`);
  const chain = checkChain(evidence, trusted || publicKeysOf(evidence.keys));
  console.log(renderChain(chain, headOf(evidence, bundle, keys)));
  return exitCodes[stateOf(chain)];
}

/** @throws an error that names the file */
async function inFile<T>(file: string, parse: (text: string) => T): Promise<T> {
  try {
    return parse(await readFile(file, "utf8"));
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as Error).message}`);
  }
}

if (require.main === module) runMain(main, exitCodes.unchecked);
