import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cgroupDirs, ensureCgroups, missingControllers } from "../../local/cluster/cgroups";
import { firstNode, localNodes } from "../../local/cluster/nodes";

let mount: string;
beforeEach(() => {
  mount = mkdtempSync(join(tmpdir(), "cgroup-"));
});
afterEach(() => rmSync(mount, { recursive: true }));

const [first, second] = localNodes(2);
const everything = "cpuset cpu io memory hugetlb pids rdma misc";

/** The files that the kernel puts into a cgroup, for the mount and for both nodes. */
function makeUnified(controllers: string, delegated = ""): void {
  for (const dir of ["", first.cgroup, second.cgroup].map((cgroup) => join(mount, cgroup))) {
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "cgroup.controllers"), `${controllers}\n`);
    writeFileSync(join(dir, "cgroup.subtree_control"), delegated);
  }
}

/** What is written, as `<cgroup> <text>`. */
function recorded(node: typeof first): string[] {
  const writes: string[] = [];
  ensureCgroups(node, mount, (path, text) => writes.push(`/${relative(mount, join(path, ".."))} ${text}`));
  return writes;
}

describe("cgroup v2", () => {
  it("has one directory for a node", () => {
    makeUnified(everything);
    expect(cgroupDirs(second, mount)).toEqual([join(mount, second.cgroup)]);
  });

  it("gives a node the controllers of the kubelet one by one, and no others", () => {
    makeUnified(everything);
    const each = ["+cpu", "+cpuset", "+memory", "+pids", "+hugetlb"];
    expect(recorded(first)).toEqual(["/", first.cgroup].flatMap((cgroup) => each.map((word) => `${cgroup} ${word}`)));
    expect(recorded(second).slice(0, 5)).toEqual(each.map((word) => `${first.cgroup} ${word}`));
  });

  it("leaves alone what is given already, as systemd does, and what the machine lacks", () => {
    makeUnified("cpuset cpu io memory pids", "cpu memory pids\n");
    expect(recorded(first)).toEqual(["/ +cpuset", `${first.cgroup} +cpuset`]);
  });

  it("says in a sentence which controller the kernel refuses", () => {
    makeUnified(everything);
    const refuse = (_path: string, text: string) => {
      if (text === "+pids") throw Object.assign(new Error("write"), { code: "EBUSY" });
    };
    expect(() => ensureCgroups(first, mount, refuse)).toThrow(
      new Error(
        `The kernel refuses the cgroup controller pids inside ${mount} (EBUSY), as in a container whose processes ` +
          "are there: run this on the machine itself, or in a privileged container with the machine's cgroups.",
      ),
    );
  });

  it.each([
    [everything, []],
    ["cpuset cpu io pids", ["memory"]],
    ["", ["cpu", "cpuset", "memory", "pids"]],
  ])("lacks controllers where the machine has %j", (controllers, missing) => {
    makeUnified(controllers);
    expect(missingControllers(mount)).toEqual(missing);
  });
});

describe("cgroup v1", () => {
  beforeEach(() => {
    for (const name of ["cpu", "cpuset", "memory"]) {
      mkdirSync(join(mount, name));
      writeFileSync(join(mount, name, "cgroup.procs"), "");
    }
  });

  it("has a directory for each hierarchy", () =>
    expect(cgroupDirs(first, mount)).toEqual(
      ["cpu", "cpuset", "memory"].map((name) => join(mount, name, first.cgroup)),
    ));

  it("gives a new cpuset the processors and the memory of its parent", () => {
    const cpuset = join(mount, "cpuset", firstNode().cgroup);
    mkdirSync(cpuset);
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      writeFileSync(join(mount, "cpuset", file), "0-1\n");
      writeFileSync(join(cpuset, file), "\n");
    }
    ensureCgroups(first, mount);
    expect(readFileSync(join(cpuset, "cpuset.mems"), "utf8")).toBe("0-1\n");
  });

  it("lacks a controller whose hierarchy is not mounted", () => expect(missingControllers(mount)).toEqual(["pids"]));
});
