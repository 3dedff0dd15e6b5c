import { describe, expect, it } from "vitest";
import { outputRedactor } from "../../../cli/review/redact-output";

const shown = (text: string): string => text.split("\n").map(outputRedactor()).join("\n");

/** What `pulumi preview --diff` prints of a container that is added. */
const added = `    + env  : [
    +     [0]: {
    +         name : "AWS_SECRET_ACCESS_KEY"
    +         value: "wJalrXUtnFEMI/K7MDENG"
        }
    +     [1]: {
    +         name : "LOG_LEVEL"
    +         value: "debug"
        }
    ]`;

describe("Pulumi's own output", () => {
  it("is printed without the value of a variable whose name means a secret", () => {
    expect(shown(added)).toBe(added.replace('"wJalrXUtnFEMI/K7MDENG"', "[secret]"));
  });

  it("hides what such a variable had before, and what it gets", () => {
    const changed = `~ name : "LOG_LEVEL" => "DB_PASSWORD"\n~ value: "debug" => "hunter2"`;
    expect(shown(changed)).toBe(`~ name : "LOG_LEVEL" => "DB_PASSWORD"\n~ value: [secret]`);
  });

  it("hides a value of which it does not print the name", () => {
    expect(shown('~ [3]: {\n    ~ value: "hunter2" => "hunter3"\n}')).toBe("~ [3]: {\n    ~ value: [secret]\n}");
  });

  it("hides a value of several lines, and not what comes after", () => {
    const lines = `name : "APP_TOKEN"\nvalue: "first half\nsecond half"\nimage: "app:1"`;
    expect(shown(lines)).toBe(`name : "APP_TOKEN"\nvalue: [secret]\n[secret]\nimage: "app:1"`);
  });

  it("hides the argument after a flag that takes a secret", () => {
    const args = `[0]: "--user"\n[1]: "anna"\n[2]: "--password"\n[3]: "hunter2"\n[4]: "--verbose"`;
    expect(shown(args)).toBe(args.replace('"hunter2"', "[secret]"));
  });

  it("hides a property, a token and a key by themselves", () => {
    const lines = [
      '+ adminPassword: "hunter2"',
      'note: "glpat-abcdefghijklmnopqrstu"',
      "-----BEGIN PRIVATE KEY-----",
      "MIIEvQ: IBADANB",
      "-----END PRIVATE KEY-----",
      "image: app",
    ];
    expect(shown(lines.join("\n")).split("\n")).toEqual([
      "+ adminPassword: [secret]",
      'note: "[secret]"',
      "[secret]",
      "[secret]",
      "[secret]",
      "image: app",
    ]);
  });

  it("hides the same with --json", () => {
    const json = `{\n  "name": "API_TOKEN",\n  "value": "hunter2"\n},\n{\n  "name": "MODE",\n  "value": "fast"\n}`;
    expect(shown(json)).toBe(json.replace('"hunter2"', "[secret]"));
  });

  it("leaves what is no secret as it is", () => {
    const lines = `Previewing update (staging):\n +  kubernetes:core/v1:Service canary create\n    value: {\n~ port: 80 => 8080`;
    expect(shown(lines)).toBe(lines);
  });
});
