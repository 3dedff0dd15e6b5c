import { existsSync } from "node:fs";
import { afterAll, beforeAll } from "vitest";
import { chromiumPath } from "../../../lib/chromium";
import { ensurePackages } from "../../../local/toolchain/debian-packages";
import { type Boards, withBoards } from "../browser";

/** Boards and a browser for the tests of a file. @returns what gives them once the tests run */
export function useBoards(): () => Boards {
  let boards: Boards;
  let end: () => void;
  let ended: Promise<void>;
  beforeAll(async () => {
    if (!existsSync(chromiumPath())) await ensurePackages(["chromium"], () => undefined);
    await new Promise<void>((ready, failed) => {
      ended = withBoards(async (made) => {
        boards = made;
        ready();
        await new Promise<void>((resolve) => {
          end = resolve;
        });
      });
      ended.catch(failed);
    });
  });
  afterAll(async () => {
    end();
    await ended;
  });
  return () => boards;
}
