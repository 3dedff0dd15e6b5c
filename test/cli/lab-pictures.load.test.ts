import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { pictureProblems, takePictures } from "../../cli/lab-pictures";
import { withBoards } from "../board/browser";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lab-pictures-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

it("takes a picture of each view of the board, and none of a board that does not answer", async () => {
  await withBoards(async ({ serve }) => {
    const { address, stop } = await serve("usual");
    const taken = await takePictures(address, folder);
    expect(taken).toMatchObject({ missing: "", failed: false });
    expect(taken.pictures.map(({ file }) => file)).toEqual([
      "board-pipeline.png",
      "board-models.png",
      "board-history.png",
    ]);
    for (const { file } of taken.pictures) {
      const picture = readFileSync(join(folder, file));
      expect(picture.subarray(0, 8)).toEqual(pngSignature);
      expect(picture.length, file).toBeGreaterThan(20_000);
    }
    expect(new Set(taken.pictures.map(({ sha256 }) => sha256)).size).toBe(3);
    expect(pictureProblems(taken.pictures, folder)).toEqual([]);

    stop();
    expect(await takePictures(address, folder)).toEqual({
      pictures: [],
      missing: `page.goto: net::ERR_CONNECTION_REFUSED at ${address}#/pipeline`,
      failed: true,
    });
    expect(readdirSync(folder)).toEqual([]);
  });
}, 120_000);
