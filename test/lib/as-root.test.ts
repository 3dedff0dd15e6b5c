import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { asRoot, missingFileRemedy, npmCall } from "../../lib/as-root";
import { repositoryRoot } from "../../lib/paths";

describe("the command of a person, by sudo", () => {
  const start = { script: "start", args: [], variables: {} };

  it("names PATH, which sudo replaces", () => expect(asRoot(start)).toBe('sudo env "PATH=$PATH" npm start'));

  it("keeps what the person asked for", () =>
    expect(asRoot({ ...start, args: ["--listen", "0.0.0.0", "--host", "203.0.113.7", "--nodes", "2"] })).toBe(
      'sudo env "PATH=$PATH" npm start -- --listen 0.0.0.0 --host 203.0.113.7 --nodes 2',
    ));

  it("says run where npm wants it", () =>
    expect(asRoot({ ...start, script: "train", args: ["normal"] })).toBe(
      'sudo env "PATH=$PATH" npm run train -- normal',
    ));

  it("names the variables that are set and no others, and no address of a proxy", () =>
    expect(
      asRoot({
        ...start,
        variables: {
          HOME: "/home/ann",
          GOURMETGRAM_STACK: "durable",
          GOURMETGRAM_CACHE: "/big disk/cache",
          GOURMETGRAM_STATE: "",
          HTTPS_PROXY: "http://ann:secret@proxy.example.org:3128",
          no_proxy: "",
          NODE_EXTRA_CA_CERTS: "/etc/ca.pem",
        },
      }),
    ).toBe(
      'sudo env "PATH=$PATH" "HTTPS_PROXY=$HTTPS_PROXY" "NODE_EXTRA_CA_CERTS=$NODE_EXTRA_CA_CERTS" ' +
        "GOURMETGRAM_CACHE='/big disk/cache' GOURMETGRAM_STACK=durable npm start",
    ));

  it("is read by a shell as it was written", () => {
    const args = ["a b", "it's", "$HOME", "*", "--host=x"];
    const folder = mkdtempSync(join(tmpdir(), "as-root-"));
    try {
      writeFileSync(join(folder, "sudo"), '#!/bin/sh\nexec "$@"\n');
      writeFileSync(join(folder, "npm"), '#!/bin/sh\nprintf \'%s\\n\' "$GOURMETGRAM_STATE" "$@"\n');
      for (const name of ["sudo", "npm"]) chmodSync(join(folder, name), 0o755);
      const command = asRoot({ script: "start", args, variables: { GOURMETGRAM_STATE: "it's $here" } });
      const { stdout } = spawnSync("sh", ["-c", command], {
        env: { PATH: `${folder}:${process.env.PATH}` },
        encoding: "utf8",
      });
      expect(stdout.trimEnd().split("\n")).toEqual(["it's $here", "start", "--", ...args]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the call of this process", () => {
  it.each([
    ["start", "node --require ./lib/with-packages.cjs cli/start.ts", ["--nodes", "2"], ["--nodes", "2"]],
    ["reject", "node --require ./lib/with-packages.cjs cli/approve.ts --reject", ["--reject", "7"], ["7"]],
    ["npx", "tsx", ["--all"], ["--all"]],
    [undefined, undefined, ["--all"], ["--all"]],
  ])("has the person's options without those of the script: %s", (script, text, given, args) => {
    const variables = { npm_lifecycle_event: script, npm_lifecycle_script: text };
    const argv = ["/usr/bin/node", "/clone/cli/status.ts", ...given];
    expect(npmCall(argv, variables)).toEqual({ script: script ?? "status", args, variables });
  });

  it.each(["approve.ts", "approve.ts --reject"])("is what npm says of %s", (text) => {
    const folder = mkdtempSync(join(tmpdir(), "as-root-"));
    try {
      const print = "console.log(JSON.stringify([process.argv.slice(2), process.env.npm_lifecycle_script]))";
      writeFileSync(join(folder, "approve.ts"), print);
      writeFileSync(join(folder, "package.json"), JSON.stringify({ scripts: { reject: `node ${text}` } }));
      const { stdout } = spawnSync("npm", ["run", "--silent", "reject", "--", "7", "x"], {
        cwd: folder,
        encoding: "utf8",
      });
      const [args, script] = JSON.parse(stdout);
      const call = npmCall(["node", "a", ...args], { npm_lifecycle_event: "reject", npm_lifecycle_script: script });
      expect(call.args).toEqual(["7", "x"]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("what to do where a file of the local cluster is not there", () => {
  const command = 'sudo env "PATH=$PATH" npm run status';

  it("is to ask as root, where root's cluster runs", () =>
    expect(missingFileRemedy(false, true, command)).toBe(`the local cluster belongs to root, so run ${command}`));

  it.each([
    [true, true],
    [true, false],
    [false, false],
  ])("is to start it otherwise: root %s, a cluster runs %s", (isRoot, runs) =>
    expect(missingFileRemedy(isRoot, runs, command)).toBe("run npm start first"),
  );

  // The tests run as root, and nobody else's kubeconfig is unreadable to root.
  it.skipIf(process.getuid?.() !== 0)("is said of a kubeconfig that another user may not read", () => {
    const state = mkdtempSync(join(tmpdir(), "state-"));
    try {
      chmodSync(state, 0o711);
      writeFileSync(join(state, "kubeconfig"), "", { mode: 0o600 });
      const { stderr } = spawnSync(process.execPath, ["--require", "tsx/cjs", "cli/status.ts", "--all"], {
        cwd: repositoryRoot,
        encoding: "utf8",
        env: { PATH: process.env.PATH, HOME: "/nowhere", TMPDIR: "/tmp", GOURMETGRAM_STATE: state },
        uid: 65534,
        gid: 65534,
      });
      expect(stderr).toBe(
        `the kubeconfig ${join(state, "kubeconfig")} is another user's: ` +
          `run sudo env "PATH=$PATH" GOURMETGRAM_STATE=${state} npm run status -- --all\n`,
      );
    } finally {
      rmSync(state, { recursive: true });
    }
  });
});
