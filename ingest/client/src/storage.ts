/** Names and values kept under one prefix of the browser's storage. */
export interface Shelf {
  get(name: string): string | undefined;
  set(name: string, value: string): void;
  remove(name: string): void;
  names(): string[];
}

/**
 * A shelf that never throws. Where storage is missing or forbidden (then reading the property itself throws) it lasts as long as the
 * page; where storage is full, what is new is not kept.
 */
export function openShelf(area: "localStorage" | "sessionStorage", prefix: string): Shelf {
  let store: Record<string, string> = {};
  try {
    store = window[area] || store;
  } catch {
    // Forbidden by the browser's settings, or a sandboxed frame.
  }
  return {
    get: (name) => store[prefix + name],
    set(name, value) {
      try {
        store[prefix + name] = value;
      } catch {
        // Full. Whoever sets also has it in memory, so only a reload will miss it.
      }
    },
    remove(name) {
      delete store[prefix + name];
    },
    names: () =>
      Object.keys(store)
        .filter((name) => name.startsWith(prefix))
        .map((name) => name.slice(prefix.length)),
  };
}
