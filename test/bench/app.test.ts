import { describe, expect, it } from "vitest";
import { loadRow } from "../../bench/app";

const report = `
Summary:
  Total:	1.2345 secs
  Requests/sec:	97.2072

Latency distribution:
  10%% in 0.0144 secs
  95%% in 0.6543 secs

Status code distribution:
  [200]	600 responses
  [503]	590 responses

Error distribution:
  [10]	Get "http://127.0.0.1:8081/test": EOF
`;

describe("loadRow", () => {
  it("tells answers, busy ones and what was lost apart", () => {
    expect(loadRow(120, report)).toEqual(["120", "97", "654", "600", "590", "10"]);
  });

  it("has a dash for what hey did not report", () => {
    expect(loadRow(10, "")).toEqual(["10", "-", "-", "0", "0", "100"]);
  });
});
