import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { python } from "../python";

it("the steps pass their own tests", { timeout: 300_000 }, async () => {
  const pytest = spawn(await python(), ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "4", __dirname], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
  });
  let output = "";
  for (const stream of [pytest.stdout, pytest.stderr]) stream.on("data", (chunk) => (output += chunk));
  const [code] = await once(pytest, "close");
  expect(code, output).toBe(0);
});
