import { describe, expect, it } from "vitest";
import { type PreflightFacts, preflightErrors } from "../../local/cluster/preflight";
import { missingPackages } from "../../local/toolchain/debian-packages";

const good: PreflightFacts = {
  platform: "linux",
  uid: 0,
  apt: true,
  go: "1.26.8",
  goWanted: "1.25.8",
  disk: [{ path: "/cache", free: 40e9 }],
  compiled: false,
  ipv6: true,
};

describe("what keeps the local cluster from starting", () => {
  it("is nothing on a machine that fits", () => expect(preflightErrors(good)).toEqual([]));

  it.each<[Partial<PreflightFacts>, RegExp]>([
    [{ platform: "darwin" }, /needs Linux, and this is darwin: use a Linux machine, or name the context/],
    [{ uid: 1000 }, /needs root.*: run it with sudo, or name/],
    [{ apt: false }, /no apt-get: use Debian 12/],
    [{ go: undefined }, /Go is not installed: install Go 1\.25\.8 or newer/],
    [{ go: "1.25.7" }, /Go 1\.25\.7 is too old: install Go 1\.25\.8/],
    [{ go: "1.24.9" }, /too old/],
    [
      { disk: [{ path: "/cache", free: 14.9e9 }] },
      /Only 14\.9 GB are free at \/cache, and 15 GB are needed: free some/,
    ],
  ])("is said in one sentence: %j", (change, sentence) => {
    const found = preflightErrors({ ...good, ...change });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(sentence);
  });

  it("names everything at once", () => expect(preflightErrors({ ...good, uid: 1, go: undefined })).toHaveLength(2));

  it("asks for no Go, and less space, once all is compiled", () => {
    expect(preflightErrors({ ...good, compiled: true, go: undefined, disk: [{ path: "/cache", free: 6e9 }] })).toEqual(
      [],
    );
  });

  it.each(["1.25.8", "1.26", "1.26rc1", "2.0.1"])("takes Go %s for new enough", (go) =>
    expect(preflightErrors({ ...good, go })).toEqual([]),
  );
});

describe("missing Debian packages", () => {
  it("are those that dpkg doesn't call installed", () => {
    const query = "runc install ok installed\netcd-server deinstall ok config-files\n";
    expect(missingPackages(["runc", "etcd-server", "skopeo"], query)).toEqual(["etcd-server", "skopeo"]);
  });
});
