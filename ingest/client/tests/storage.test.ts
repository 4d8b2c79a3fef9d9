import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { clientId, randomId, visitorId } from "../src/ids";
import { openShelf } from "../src/storage";

beforeEach(() => localStorage.clear());
afterEach(() => vi.restoreAllMocks());

describe("a shelf", () => {
  it("keeps what it is given, under its prefix, and lists only its own", () => {
    localStorage.setItem("theirs", "1");
    const shelf = openShelf("localStorage", "a.");
    shelf.set("x", "1");
    shelf.set("y", "2");
    shelf.remove("x");
    expect(shelf.names()).toEqual(["y"]);
    expect(shelf.get("x")).toBeUndefined();
    expect(localStorage.getItem("a.y")).toBe("2");
    expect(localStorage.getItem("theirs")).toBe("1");
  });

  it("lasts as long as the page where the browser forbids storage", () => {
    vi.spyOn(window, "localStorage", "get").mockImplementation(() => {
      throw new DOMException("denied", "SecurityError");
    });
    const shelf = openShelf("localStorage", "a.");
    shelf.set("x", "1");
    expect(shelf.get("x")).toBe("1");
    expect(shelf.names()).toEqual(["x"]);
  });

  it("does not throw when storage is full", () => {
    const full = new Proxy({} as Storage, {
      set() {
        throw new DOMException("full", "QuotaExceededError");
      },
    });
    vi.spyOn(window, "localStorage", "get").mockReturnValue(full);
    const shelf = openShelf("localStorage", "a.");
    expect(() => shelf.set("x", "1")).not.toThrow();
    expect(visitorId(shelf)).toMatch(/^[\da-f]{32}$/);
  });
});

describe("ids", () => {
  it("a visitor keeps one of 128 random bits", () => {
    const shelf = openShelf("localStorage", "a.");
    const id = visitorId(shelf);
    expect(id).toMatch(/^[\da-f]{32}$/);
    expect(visitorId(openShelf("localStorage", "a."))).toBe(id);
    expect(visitorId(openShelf("localStorage", "b."))).not.toBe(id);
  });

  it("do not repeat, use all bits, and a later page's client sorts behind an earlier one's", () => {
    const ids = Array.from({ length: 500 }, randomId);
    expect(new Set(ids).size).toBe(500);
    for (let place = 0; place < 32; place++) expect(new Set(ids.map((id) => id[place])).size).toBe(16);
    vi.useFakeTimers({ now: 1_700_000_000_000 });
    const earlier = clientId();
    vi.setSystemTime(1_700_000_000_001);
    expect(earlier < clientId()).toBe(true);
    vi.useRealTimers();
  });
});
