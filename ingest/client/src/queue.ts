/**
 * Takes over `window._ppmatc`, where a page puts what it reports, before this script is there and after. The page's array stays the page's:
 * only its `push` is ours from then on. Gives a function that also takes what came by another way: a new array, `queue[0] = …`.
 */
export function watchQueue(take: (entry: unknown) => void): () => void {
  const look = (): void => {
    const queue = (window._ppmatc = window._ppmatc || []) as unknown[];
    // Frozen, or no array at all: the page's business, and no reason to throw.
    if (!Array.isArray(queue) || Object.isFrozen(queue)) return;
    const empty = (): void => queue.splice(0).forEach(take);
    empty();
    queue.push = (...entries) => {
      empty();
      entries.forEach(take);
      return 0;
    };
  };
  return look;
}
