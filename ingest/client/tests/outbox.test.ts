import { beforeEach, describe, expect, it } from "vitest";
import { CAPACITY, openOutbox, type Item } from "../src/outbox";
import { openShelf } from "../src/storage";

const shelf = () => openShelf("sessionStorage", "item.");
const outboxOf = (client: string) => openOutbox(shelf(), "v1", client);
const numbers = (items: Item[]) => items.map((item) => item.n);

beforeEach(() => sessionStorage.clear());

describe("the outbox", () => {
  it("numbers from 1 and gives batches in order", () => {
    const outbox = outboxOf("c1");
    for (const x of [1, 2, 3]) outbox.add({ set: { x } });
    expect(outbox.batch(2).map((item) => item.json)).toEqual(['{"n":1,"set":{"x":1}}', '{"n":2,"set":{"x":2}}']);
    expect(outbox.size()).toBe(3);
  });

  it("keeps an entry as it was when it was added", () => {
    const outbox = outboxOf("c1");
    const fields = { x: 1 };
    outbox.add({ set: fields });
    fields.x = 2;
    expect(outbox.batch(1)[0]?.json).toBe('{"n":1,"set":{"x":1}}');
  });

  it("gives no number to what has no JSON", () => {
    const outbox = outboxOf("c1");
    const cycle: { self?: object } = {};
    cycle.self = cycle;
    expect(() => outbox.add({ set: cycle })).toThrow();
    expect(() => outbox.add({ set: { x: Reflect.get(window, "BigInt")(1) } })).toThrow("BigInt");
    outbox.add({ set: { x: 1 } });
    expect(numbers(outbox.batch(9))).toEqual([1]);
  });

  it("forgets what was answered, once", () => {
    const outbox = outboxOf("c1");
    outbox.add({ ping: {} });
    const [item] = outbox.batch(1) as [Item];
    expect(outbox.remove(item)).toBe(true);
    expect(outbox.remove(item)).toBe(false);
    expect(outbox.size()).toBe(0);
    expect(sessionStorage.length).toBe(0);
  });

  it("refuses what is past its capacity", () => {
    const outbox = outboxOf("c1");
    for (let i = 0; i < CAPACITY; i++) outbox.add({ ping: {} });
    expect(() => outbox.add({ ping: {} })).toThrow(String(CAPACITY));
    outbox.remove(outbox.batch(1)[0] as Item);
    outbox.add({ ping: {} });
    expect(numbers(outbox.batch(CAPACITY)).length).toBe(64);
  });

  it("keeps a batch below 60 KiB in UTF-8, but sends also one item that is larger", () => {
    const outbox = outboxOf("c1");
    outbox.add({ set: { x: "消".repeat(10_200) } });
    outbox.add({ set: { x: "消".repeat(10_200) } });
    outbox.add({ set: { x: "消".repeat(30_000) } });
    expect(numbers(outbox.batch(50))).toEqual([1]);
    outbox.remove(outbox.batch(1)[0] as Item);
    outbox.remove(outbox.batch(1)[0] as Item);
    expect(numbers(outbox.batch(50))).toEqual([3]);
  });

  it("goes no more than 64 numbers past the first unanswered, also over gaps", () => {
    const outbox = outboxOf("c1");
    for (let i = 0; i < 100; i++) outbox.add({ ping: {} });
    expect(numbers(outbox.batch(90)).pop()).toBe(64);
    for (const item of outbox.batch(64).slice(1, 40)) outbox.remove(item);
    expect(numbers(outbox.batch(90)).pop()).toBe(64);
  });
});

describe("what a page leaves behind", () => {
  it("comes first on the next page, under its own client, visitor and numbers", () => {
    const before = outboxOf("c1");
    for (let i = 0; i < 12; i++) before.add({ ping: {} });
    before.remove(before.batch(1)[0] as Item);

    const after = openOutbox(shelf(), "v2", "c2");
    after.restore();
    after.add({ ping: {} });
    expect(numbers(after.batch(50))).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(after.batch(1)[0]).toMatchObject({ client: "c1", visitor: "v1" });
    for (const item of after.batch(50)) after.remove(item);
    expect(after.batch(50)).toMatchObject([{ client: "c2", visitor: "v2", n: 1 }]);
  });

  it("is taken up in the order of the pages, and once", () => {
    outboxOf("c2").add({ ping: {} });
    outboxOf("c1").add({ ping: {} });
    const outbox = outboxOf("c3");
    outbox.add({ ping: {} });
    outbox.restore();
    outbox.restore();
    expect(outbox.size()).toBe(3);
    const order = [];
    for (let item; (item = outbox.batch(1)[0]); outbox.remove(item)) order.push(item.client);
    expect(order).toEqual(["c3", "c1", "c2"]);
  });
});
