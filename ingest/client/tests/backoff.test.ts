import { afterEach, describe, expect, it, vi } from "vitest";
import { backoff, retryAfter } from "../src/backoff";

afterEach(() => vi.restoreAllMocks());
const chance = (value: number) => vi.spyOn(Math, "random").mockReturnValue(value);

describe("back-off", () => {
  it("doubles from a second and never passes a minute", () => {
    chance(1);
    expect([0, 1, 2, 3, 4, 5, 6, 7, 2000].map(backoff)).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60].map((s) => s * 1000));
  });

  it("leaves half of it to chance", () => {
    chance(0);
    expect(backoff(3)).toBe(4000);
  });
});

describe("Retry-After", () => {
  it("is waited out, and up to a quarter more", () => {
    chance(0);
    expect(retryAfter("8")).toBe(8000);
    chance(1);
    expect(retryAfter("8")).toBe(10_000);
  });

  it.each([null, "", "soon", "Wed, 21 Oct 2026 07:28:00 GMT"])("is nothing if it is %j: the back-off decides", (header) => {
    expect(retryAfter(header)).toBe(0);
  });

  it("keeps no page silent for more than an hour", () => {
    expect(retryAfter("99999999999")).toBe(3_600_000);
  });
});
