/** Milliseconds before the next attempt: doubling from a second to a minute, the upper half of it by chance. */
export const backoff = (failures: number): number => Math.min(60_000, 1000 * 2 ** failures) * (0.5 + Math.random() / 2);

/**
 * Milliseconds that a `Retry-After` in seconds asks for; 0 without one. Up to a quarter more by chance, so that all who were refused together
 * do not come back together; an hour at most, as a browser runs a timer of 25 days at once.
 */
export const retryAfter = (header: string | null): number =>
  Math.min(3_600_000, 1000 * (+(header || 0) || 0) * (1 + Math.random() / 4));
