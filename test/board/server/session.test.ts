import { expect, it } from "vitest";
import { Sessions } from "../../../board/server/session";

it("a session lasts eight hours, and no other server knows it", () => {
  const [sessions, others] = [new Sessions(), new Sessions()];
  const start = Date.parse("2026-01-05T10:00:00Z");
  const cookie = sessions.cookie("token-of-anna", false, start)!.split(";")[0];
  const hours = (count: number) => start + count * 3_600_000;
  expect(sessions.token(`other=1; ${cookie}; last=2`, hours(7.99))).toBe("token-of-anna");
  expect(sessions.token(cookie, hours(8))).toBeUndefined();
  expect(others.token(cookie, hours(1))).toBeUndefined();
});
