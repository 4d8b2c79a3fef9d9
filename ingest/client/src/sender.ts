import { backoff, retryAfter } from "./backoff";
import type { Item, Outbox, Refusal } from "./outbox";

const BATCH_ITEMS = 50;
/** A flush may hold the items in flight and those behind them; the outbox keeps it within the server's window. */
const FLUSH_ITEMS = 64;
const TIME_LIMIT = 15_000;

export interface Sender {
  /** Something was added: send it, once the page's present task is done. */
  wake(): void;
  /** The network or the page is back: do not wait out a back-off (but do what the server asked for). */
  retry(): void;
  /** The page goes away: say at once what is unanswered, also what is in flight and may be cut off. */
  flush(): void;
}

const wordsOf = ({ code, detail }: Refusal): string => `Whenflow: ${code}: ${detail}`;

const bodyOf = (batch: Item[]): string => {
  const { visitor, client } = batch[0] as Item;
  const head = JSON.stringify({ visitor, client, sent_at: Date.now() / 1000 });
  return `${head.slice(0, -1)},"items":[${batch.map((item) => item.json)}]}`;
};

/**
 * Sends the outbox to `url` in order, one request at a time. What was answered leaves the outbox; what was refused for now (429, 5xx,
 * no network) stays, with its numbers. A string as body makes a plain-text request, which needs no preflight.
 */
export function makeSender(url: string, outbox: Outbox, onAccepted: () => void): Sender {
  let timer = 0;
  let inFlight = 0;
  let failures = 0;
  let notBefore = 0;
  let limit = BATCH_ITEMS;
  let complaint = 0;

  /** Deals with the answer to a batch; gives the milliseconds to wait before the next. Throws on what is no answer of ours. */
  const receive = async (batch: Item[], response: Response): Promise<number> => {
    const { status } = response;
    let refusals: Refusal[] = [];
    if (status === 429 || status > 499) {
      const wait = Math.max(retryAfter(response.headers.get("Retry-After")), backoff(failures++));
      notBefore = Date.now() + wait;
      return wait;
    }
    if (response.ok) {
      for (const refusal of (await response.json()).rejected || []) {
        console.warn(wordsOf(refusal));
        refusals[refusal.index] = refusal;
      }
      limit = BATCH_ITEMS;
      onAccepted();
    } else if (status === 413 && batch[1]) {
      limit = batch.length >> 1;
      return 0;
    } else {
      const refusal = { code: "http_" + status, detail: await response.text() };
      if (complaint !== status) console.error(wordsOf(refusal));
      complaint = status;
      refusals = batch.map(() => refusal);
    }
    failures = 0;
    batch.forEach((item, index) => {
      if (outbox.remove(item) && item.answered) item.answered(refusals[index]);
    });
    return 0;
  };

  const run = async (keepalive: boolean): Promise<void> => {
    timer = 0;
    const batch = outbox.batch(keepalive ? FLUSH_ITEMS : limit);
    if (!batch[0]) return;
    const body = bodyOf(batch);
    if (keepalive && !("keepalive" in Request.prototype)) {
      navigator.sendBeacon(url, body);
      return;
    }
    inFlight++;
    const abort = new AbortController();
    const alarm = setTimeout(() => abort.abort(), TIME_LIMIT);
    let wait;
    try {
      wait = await receive(batch, await fetch(url, { method: "POST", body, keepalive, signal: abort.signal }));
    } catch {
      wait = backoff(failures++);
    }
    clearTimeout(alarm);
    inFlight--;
    schedule(wait);
  };

  const schedule = (wait: number): void => {
    clearTimeout(timer);
    if (!inFlight) timer = setTimeout(run, wait, false);
  };

  return {
    wake() {
      if (!timer) schedule(0);
    },
    retry: () => schedule(notBefore - Date.now()),
    flush: () => run(true),
  };
}
