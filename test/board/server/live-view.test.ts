import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LiveView } from "../../../board/server/live-view";

describe("the picture of the pipeline", () => {
  let made = 0;
  const live = () => new LiveView(async () => Buffer.from(`picture ${++made}`));
  const looker = () => {
    const seen: string[] = [];
    return { seen, show: (picture: Buffer) => void seen.push(picture.toString()) };
  };
  beforeEach(() => {
    made = 0;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  });
  afterEach(() => vi.useRealTimers());

  it("is there at once for who comes later", async () => {
    const [view, first, second] = [live(), looker(), looker()];
    view.look(first.show);
    await vi.advanceTimersByTimeAsync(0);
    view.look(second.show);
    expect([first.seen, second.seen]).toEqual([["picture 1"], ["picture 1"]]);
  });

  it("is made again every half second at most, however much changes", async () => {
    const [view, { seen, show }] = [live(), looker()];
    view.look(show);
    for (let tenth = 0; tenth < 20; tenth++) {
      await vi.advanceTimersByTimeAsync(100);
      view.markChanged();
    }
    expect(seen).toHaveLength(5); // at 0, 0.5, 1, 1.5 and 2 s
  });

  it("is made again after a minute without a change, since time has passed", async () => {
    const [view, { seen, show }] = [live(), looker()];
    view.look(show);
    await vi.advanceTimersByTimeAsync(59_000);
    expect(seen).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(seen).toHaveLength(2);
  });

  it("is not made while nobody looks", async () => {
    const [view, { show }] = [live(), looker()];
    const leave = view.look(show);
    await vi.advanceTimersByTimeAsync(0);
    leave();
    view.markChanged();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(made).toBe(1);
  });

  it("that cannot be made is tried again", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    let tries = 0;
    const view = new LiveView(async () => {
      if (++tries === 1) throw new Error("broken");
      return Buffer.from("picture");
    });
    const { seen, show } = looker();
    view.look(show);
    await vi.advanceTimersByTimeAsync(0);
    view.markChanged();
    await vi.advanceTimersByTimeAsync(500);
    expect(seen).toEqual(["picture"]);
  });
});
