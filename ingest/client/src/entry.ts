const KINDS = ["track_event", "visit", "set", "identify"];

/**
 * What a page put into `window._ppmatc`, reduced to the one member that says what it is. An event without a time gets `now` (seconds). Throws
 * on anything else.
 */
export function readEntry(entry: unknown, now: number): object {
  for (const kind of KINDS) {
    const data = (entry as Record<string, unknown>)[kind] as { event_timestamp?: unknown } | undefined;
    if (data) return { [kind]: kind === KINDS[0] && data.event_timestamp == null ? { ...data, event_timestamp: now } : data };
  }
  throw "it has none of " + KINDS;
}
