import { describe, expect, it } from "vitest";
import { readEntry } from "../src/entry";

describe("an entry of the page's queue", () => {
  it("is reduced to what it reports", () => {
    expect(readEntry({ visit: { page_url: "/" }, other: 1 }, 5)).toEqual({ visit: { page_url: "/" } });
    expect(readEntry({ set: { a: 1 } }, 5)).toEqual({ set: { a: 1 } });
    expect(readEntry({ identify: { ent_user_id: "7" } }, 5)).toEqual({ identify: { ent_user_id: "7" } });
  });

  it("gets a time if it is an event without one, and the page's object does not", () => {
    const event = { event_name: "e" };
    expect(readEntry({ track_event: event }, 5.25)).toEqual({ track_event: { event_name: "e", event_timestamp: 5.25 } });
    expect(event).toEqual({ event_name: "e" });
    expect(readEntry({ track_event: { event_timestamp: 1 } }, 5)).toEqual({ track_event: { event_timestamp: 1 } });
    expect(readEntry({ track_event: { event_timestamp: 0 } }, 5)).toEqual({ track_event: { event_timestamp: 0 } });
  });

  it.each([[{ tarck_event: {} }], [{}], [null], [undefined], ["visit"], [7], [{ track_event: null }]])("is refused if it is %j", (entry) => {
    expect(() => readEntry(entry, 5)).toThrow();
  });
});
