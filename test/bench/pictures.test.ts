import { expect, it } from "vitest";
import { pictureRows } from "../../bench/pictures";

const printed = `
   108 MiB before
   139 MiB   0.36 s  200  jpeg: ok, plain 48 MP  
   155 MiB   0.21 s  400  jpeg: progressive 48 MP  this progressive JPEG takes 210 MiB: send a smaller picture
   117 MiB   0.00 s  400  nothing  that is no picture this app can read: send a JPEG, PNG, WebP or GIF
.
1 passed in 36.70s
`;

it("has the highest peak and the longest answer of each format, and the app before them", () => {
  expect(pictureRows(printed)).toEqual([
    ["jpeg", "2", "155", "0.36"],
    ["nothing", "1", "117", "0.00"],
    ["before", "0", "108", "-"],
  ]);
});
