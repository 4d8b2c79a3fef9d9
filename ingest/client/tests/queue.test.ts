import { beforeEach, describe, expect, it } from "vitest";
import { watchQueue } from "../src/queue";

let taken: unknown[];
const watch = () => {
  const look = watchQueue((entry) => taken.push(entry));
  look();
  return look;
};

beforeEach(() => {
  taken = [];
  delete window._ppmatc;
});

describe("window._ppmatc", () => {
  it("is emptied if it was filled before, and pushing goes on", () => {
    const queue: unknown[] = ["a", "b"];
    window._ppmatc = queue;
    watch();
    queue.push("c", "d");
    expect(taken).toEqual(["a", "b", "c", "d"]);
    expect(window._ppmatc).toBe(queue);
    expect(queue).toHaveLength(0);
  });

  it("is there for a page that made none", () => {
    watch();
    (window._ppmatc as unknown[]).push("a");
    expect(taken).toEqual(["a"]);
  });

  it("may be another array later; the first one goes on working", () => {
    const first: unknown[] = (window._ppmatc = []);
    const look = watch();
    const second: unknown[] = (window._ppmatc = ["a"]);
    look();
    second.push("b");
    first.push("c");
    expect(taken).toEqual(["a", "b", "c"]);
  });

  it("is also read where entries came without push, in their order", () => {
    const queue: unknown[] = (window._ppmatc = []);
    const look = watch();
    queue[0] = "a";
    queue.push("b");
    queue.unshift("c");
    look();
    expect(taken).toEqual(["a", "b", "c"]);
  });

  it.each([["text"], [{ push: 1 }], [Object.freeze(["a"])], [null]])("does no harm if it is %j", (value) => {
    window._ppmatc = value;
    expect(watch).not.toThrow();
    expect(taken).toEqual([]);
  });
});
