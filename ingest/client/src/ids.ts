import type { Shelf } from "./storage";

/** 128 unguessable bits as hex. (`crypto.randomUUID` has fewer, and is missing on plain http pages.) */
export const randomId = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => (byte + 256).toString(16).slice(1)).join("");

/** One page load's sender id. It begins with the time, so that those of one tab sort in the order of their pages. */
export const clientId = (): string => Date.now().toString(36) + randomId();

/** The visitor's id: the same in all tabs and on every later visit. It is all that protects the visitor's messages. */
export function visitorId(shelf: Shelf): string {
  const id = shelf.get("visitor") || randomId();
  shelf.set("visitor", id);
  return id;
}
