import type { Shelf } from "./storage";

/** Why an item was not taken. */
export interface Refusal {
  code: string;
  detail: string;
}

/** Told once, when the item is answered: nothing, or why it was refused. */
export type Answered = (refusal?: Refusal) => void;

/** The server recognises a resent item by visitor, client and n: these never change, whichever page sends it. */
export interface Item {
  name: string;
  client: string;
  visitor: string;
  n: number;
  json: string;
  answered?: Answered | undefined;
}

export interface Outbox {
  size(): number;
  /** Numbers an entry and keeps it as it is now. Throws when JSON has no such thing (a cycle, a BigInt) or there are too many. */
  add(entry: object, answered?: Answered): void;
  /** The next items to send: of one client, in order, at most `limit`, less than 60 KiB (but at least one). */
  batch(limit: number): Item[];
  /** Forgets an item; says whether it was still here. */
  remove(item: Item): boolean;
  /** Takes up what other pages of this tab left unanswered. */
  restore(): void;
}

/** Unanswered items that a tab keeps. */
export const CAPACITY = 1000;
/** Bytes of items in a request. With its head it stays below 60 KiB; keepalive requests may have 64 KiB in all. */
const BATCH_BYTES = 59 * 1024;
/** The server's window behind a client's highest number (DESIGN.md, "Counted once"). */
const WINDOW = 64;

function makeItem(name: string, json: string, answered?: Answered): Item {
  const [client, visitor, n] = name.split(".") as [string, string, string];
  return { name, client, visitor, n: +n, json, answered };
}

/**
 * The items not answered yet, in the order to send. Each stands in the tab's storage under a name of its own, so that adding one costs the
 * same however many wait, and a reload loses nothing. The names sort in that order.
 */
export function openOutbox(shelf: Shelf, visitor: string, client: string): Outbox {
  const encoder = new TextEncoder();
  const items: Item[] = [];
  let last = 0;
  return {
    size: () => items.length,
    add(entry, answered) {
      if (items.length >= CAPACITY) throw CAPACITY + " items wait already";
      const json = JSON.stringify({ n: last + 1, ...entry });
      const n = String(++last).padStart(9, "0");
      const item = makeItem([client, visitor, n].join("."), json, answered);
      items.push(item);
      shelf.set(item.name, json);
    },
    batch(limit) {
      const first = items[0] as Item;
      let bytes = 0;
      const end = items.findIndex(
        (item, index) =>
          index >= limit ||
          item.client !== first.client ||
          item.n >= first.n + WINDOW ||
          ((bytes += encoder.encode(item.json).length + 1) > BATCH_BYTES && index),
      );
      return items.slice(0, end < 0 ? limit : end);
    },
    remove(item) {
      const index = items.indexOf(item);
      if (index < 0) return false;
      items.splice(index, 1);
      shelf.remove(item.name);
      return true;
    },
    restore() {
      for (const name of shelf.names().sort()) {
        if (!items.some((item) => item.name === name)) items.push(makeItem(name, shelf.get(name) as string));
      }
    },
  };
}
