import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openOutbox, type Outbox, type Refusal } from "../src/outbox";
import { makeSender, type Sender } from "../src/sender";
import { openShelf } from "../src/storage";

interface Sent {
  visitor: string;
  client: string;
  sent_at: number;
  items: { n: number }[];
}

let outbox: Outbox;
let sender: Sender;
let accepted: number;
/** What was sent, and how the test answers it. */
let sent: Sent[];
let answers: ((init: RequestInit) => Response | Promise<Response>)[];

const ok = (rejected: object[] = []) => new Response(JSON.stringify({ accepted: 1, rejected }));
const status = (code: number, headers = {}) => new Response("reason", { status: code, headers });
const numbers = () => sent.map(({ items }) => items.map(({ n }) => n));
const add = (count: number, answered?: (refusal?: Refusal) => void) => {
  for (let i = 0; i < count; i++) outbox.add({ ping: {} }, answered);
  sender.wake();
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0);
  vi.spyOn(console, "warn").mockReturnValue();
  vi.spyOn(console, "error").mockReturnValue();
  sessionStorage.clear();
  sent = [];
  answers = [];
  accepted = 0;
  vi.stubGlobal("fetch", async (_url: string, init: RequestInit) => {
    sent.push(JSON.parse(init.body as string));
    return (answers.shift() || (() => ok()))(init);
  });
  outbox = openOutbox(openShelf("sessionStorage", ""), "v1", "c1");
  sender = makeSender("/collect", outbox, () => accepted++);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("sending", () => {
  it("gathers what is added in one task, and does not wait", async () => {
    add(1);
    add(2);
    await vi.advanceTimersByTimeAsync(0);
    expect(sent).toMatchObject([{ visitor: "v1", client: "c1", sent_at: Date.now() / 1000, items: [{ n: 1 }, { n: 2 }, { n: 3 }] }]);
    expect(accepted).toBe(1);
  });

  it("has one request in flight, and puts at most 50 items into the next", async () => {
    let answer!: (response: Response) => void;
    answers.push(() => new Promise((resolve) => (answer = resolve)));
    add(1);
    await vi.advanceTimersByTimeAsync(10);
    add(70);
    await vi.advanceTimersByTimeAsync(10);
    expect(sent).toHaveLength(1);
    answer(ok());
    await vi.advanceTimersByTimeAsync(10);
    expect(numbers().map((batch) => batch.length)).toEqual([1, 50, 20]);
    expect(numbers().flat()).toEqual(Array.from({ length: 71 }, (_, i) => i + 1));
    expect(outbox.size()).toBe(0);
  });

  it("warns of each rejected item and tells whoever waits for it", async () => {
    const told: unknown[] = [];
    answers.push(() => ok([{ index: 1, code: "unknown_event", detail: "no such event" }]));
    add(2, (refusal) => told.push(refusal && refusal.code));
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toEqual([undefined, "unknown_event"]);
    expect(vi.mocked(console.warn).mock.calls).toEqual([["Whenflow: unknown_event: no such event"]]);
  });
});

describe("what was refused for now", () => {
  it.each([
    ["429", () => status(429)],
    ["503", () => status(503)],
    ["500", () => status(500)],
    ["a lost connection", () => Promise.reject(new TypeError("Failed to fetch"))],
    ["an answer that is not ours", () => new Response("<html>log in</html>")],
  ])("is sent again with its numbers, later each time: %s", async (_, answer) => {
    answers.push(answer, answer);
    add(2);
    await vi.advanceTimersByTimeAsync(0);
    await vi.advanceTimersByTimeAsync(499);
    expect(numbers()).toEqual([[1, 2]]);
    add(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(numbers()).toEqual([[1, 2], [1, 2, 3]]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(numbers()).toEqual([[1, 2], [1, 2, 3], [1, 2, 3]]);
    expect(outbox.size()).toBe(0);
  });

  it("waits as long as Retry-After says, also when the network comes back meanwhile", async () => {
    answers.push(() => status(503, { "Retry-After": "7" }));
    add(1);
    await vi.advanceTimersByTimeAsync(3000);
    sender.retry();
    await vi.advanceTimersByTimeAsync(3999);
    expect(sent).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(sent).toHaveLength(2);
  });

  it("does not wait out a back-off when the network comes back", async () => {
    answers.push(() => Promise.reject(new TypeError("Failed to fetch")));
    add(1);
    await vi.advanceTimersByTimeAsync(0);
    sender.retry();
    await vi.advanceTimersByTimeAsync(0);
    expect(sent).toHaveLength(2);
  });

  it("is given up after 15 s without an answer, and sent again", async () => {
    answers.push(
      ({ signal }) => new Promise((_, reject) => (signal as AbortSignal).addEventListener("abort", () => reject(Error("aborted")))),
    );
    add(1);
    await vi.advanceTimersByTimeAsync(15_000);
    expect(sent).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(500);
    expect(numbers()).toEqual([[1], [1]]);
  });
});

describe("what was refused for good", () => {
  it.each([400, 401, 403, 404])("is dropped, with one error in the console: %i", async (code) => {
    const told: unknown[] = [];
    answers.push(() => status(code), () => status(code));
    add(1, (refusal) => told.push(refusal));
    await vi.advanceTimersByTimeAsync(1);
    add(1);
    await vi.advanceTimersByTimeAsync(1);
    add(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(numbers()).toEqual([[1], [2], [3]]);
    expect(told).toEqual([{ code: `http_${code}`, detail: "reason" }]);
    expect(vi.mocked(console.error).mock.calls).toEqual([[`Whenflow: http_${code}: reason`]]);
  });

  it("is halved if there was too much of it, until the one that is too large is dropped", async () => {
    const tooLarge = () => status(413);
    answers.push(tooLarge, tooLarge, tooLarge);
    add(4);
    await vi.advanceTimersByTimeAsync(10);
    expect(numbers()).toEqual([[1, 2, 3, 4], [1, 2], [1], [2]].concat([[3, 4]]));
    expect(outbox.size()).toBe(0);
  });
});

describe("when the page goes away", () => {
  it("all that is unanswered is said at once, also what is in flight", async () => {
    vi.stubGlobal("Request", class { get keepalive() { return true; } });
    let keepalive;
    answers.push(
      () => new Promise(() => {}),
      (init) => {
        ({ keepalive } = init);
        return ok();
      },
    );
    add(2);
    await vi.advanceTimersByTimeAsync(0);
    add(70);
    sender.flush();
    expect(numbers()[1]).toEqual(Array.from({ length: 64 }, (_, i) => i + 1));
    expect(keepalive).toBe(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(outbox.size()).toBe(8);
  });

  it("nothing is said if nothing is unanswered", () => {
    sender.flush();
    expect(sent).toEqual([]);
  });

  it("a browser without keepalive requests sends a beacon", () => {
    class Plain {}
    vi.stubGlobal("Request", Plain);
    const beacon = vi.fn();
    vi.stubGlobal("navigator", { sendBeacon: beacon });
    add(1);
    sender.flush();
    expect(beacon.mock.calls[0]?.[0]).toBe("/collect");
    expect(JSON.parse(beacon.mock.calls[0]?.[1])).toMatchObject({ client: "c1", items: [{ n: 1 }] });
    expect(outbox.size()).toBe(1);
  });
});
