import { describe, expect, it } from "vitest";
import { debianSources } from "../../image-builder/base";

const key = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";

describe("sources of the images' Debian release", () => {
  it("are those that the machine has of it, as they are", () =>
    expect(
      debianSources(
        "http://mirror.example.org/debian bookworm main Debian\n" +
          "http://mirror.example.org/debian bookworm main Debian\n" +
          "http://security.example.org bookworm-security main Debian\n" +
          "http://other.example.org/packages stable main Other\n",
      ),
    ).toBe(
      "deb http://mirror.example.org/debian bookworm main\ndeb http://security.example.org bookworm-security main\n",
    ));

  it("are the mirrors of another Debian, which have every release", () =>
    expect(
      debianSources(
        "http://mirror.example.org/debian trixie main Debian\n" +
          "http://mirror.example.org/debian trixie-updates main Debian\n" +
          "http://mirror.example.org/debian trixie-backports main Debian\n" +
          "http://security.example.org trixie-security main Debian\n",
      ),
    ).toBe(
      `deb ${key} http://mirror.example.org/debian bookworm main\n` +
        `deb ${key} http://mirror.example.org/debian bookworm-updates main\n` +
        `deb ${key} http://security.example.org bookworm-security main\n`,
    ));

  const ofUbuntu = "http://archive.example.org/ubuntu noble main Ubuntu\n";

  it.each([ofUbuntu, ""])("are of the mirror that the user names elsewhere: %j", (targets) =>
    expect(debianSources(targets, "http://mirror.example.org/debian")).toBe(
      `deb ${key} http://mirror.example.org/debian bookworm main\n` +
        `deb ${key} http://mirror.example.org/debian bookworm-updates main\n` +
        `deb ${key} http://mirror.example.org/debian-security bookworm-security main\n`,
    ),
  );

  it("are asked for where there is none", () =>
    expect(() => debianSources(ofUbuntu)).toThrow(
      "apt of this machine has no source of Debian, which the images are made of: set GOURMETGRAM_DEBIAN_MIRROR to a " +
        "mirror of Debian, as in http://mirror.example.org/debian.",
    ));
});
