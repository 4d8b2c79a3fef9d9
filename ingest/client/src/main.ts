import { makeBubble } from "./bubble";
import { readEntry } from "./entry";
import { clientId, visitorId } from "./ids";
import { openInbox } from "./inbox";
import { openOutbox, type Answered, type Refusal } from "./outbox";
import { describeUser, describeVisit, type Settings } from "./page";
import { watchQueue } from "./queue";
import { makeSender } from "./sender";
import { openShelf } from "./storage";
import { openStream } from "./stream";

declare global {
  interface Window {
    _ppmatc?: unknown;
    ppSettings?: Settings;
    PP?: {
      setVar(fields: object, onSuccess?: () => void, onFailure?: (refusal: Refusal) => void): void;
      open(): void;
      close(): void;
      visitorId(): string;
    };
  }
}

const PING = 90_000;
/** The manual: the queue is looked at again and again. What is pushed does not wait for it. */
const LOOK = 1000;

function start(src: string, key: string): void {
  const url = (path: string): string => new URL(`${path}?key=${encodeURIComponent(key)}`, src).href;
  const prefix = `whenflow.${key}.`;
  const browser = openShelf("localStorage", prefix);
  const tab = openShelf("sessionStorage", prefix);
  const visitor = visitorId(browser);

  const outbox = openOutbox(openShelf("sessionStorage", prefix + "item."), visitor, clientId());
  const sender = makeSender(url("collect"), outbox, () => {
    browser.set("known", visitor);
    listen();
  });
  let warned = "";
  /** Numbers and sends an entry; one that cannot be reported is warned of, and nothing is thrown into the page. */
  const report = (read: () => object, answered?: Answered): void => {
    try {
      outbox.add(read(), answered);
      sender.wake();
    } catch (error) {
      const detail = String(error);
      if (warned !== detail) console.warn("Whenflow: dropped: " + detail);
      warned = detail;
      if (answered) answered({ code: "dropped", detail });
    }
  };
  const send = (entry: object, answered?: Answered): void => report(() => entry, answered);

  const bubble = makeBubble((message, status) => {
    send({ receipt: { message: message.id, status } });
    if (status !== "shown") inbox.close(message.id);
  });
  const inbox = openInbox(browser, bubble);
  let listening = false;
  /** Once the server has heard of the visitor. */
  const listen = (): void => {
    if (!listening) openStream(`${url("stream")}&visitor=${visitor}`, inbox.receive);
    listening = true;
  };

  /** Also what another page of this tab left behind, and when this page comes out of the browser's back-forward cache. */
  const resume = (): void => {
    outbox.restore();
    sender.retry();
  };
  resume();

  const identify = (): void => {
    const user = describeUser(window.ppSettings);
    const said = visitor + JSON.stringify(user);
    if (!user || tab.get("identified") === said) return;
    tab.set("identified", said);
    send({ identify: user }, (refusal) => {
      if (refusal) tab.remove("identified");
    });
  };
  identify();
  send({ visit: describeVisit(tab) });
  const look = watchQueue((entry) => report(() => readEntry(entry, Date.now() / 1000)));
  look();
  if (browser.get("known") === visitor) listen();

  setInterval(look, LOOK);
  setInterval(() => {
    if (!document.hidden && !outbox.size()) send({ ping: {} });
  }, PING);
  addEventListener("online", resume);
  addEventListener("pageshow", resume);
  addEventListener("storage", inbox.sync);
  addEventListener("pagehide", () => {
    look();
    sender.flush();
  });

  window.PP = {
    setVar(fields, onSuccess, onFailure) {
      const tell = (refusal?: Refusal): void => (refusal ? onFailure && onFailure(refusal) : onSuccess && onSuccess());
      // In a task of its own, so that what a page's callback throws is the page's.
      send({ set: fields }, (refusal) => setTimeout(tell, 0, refusal));
    },
    open: () => bubble.hide(false),
    close: () => bubble.hide(true),
    visitorId: () => visitor,
  };
}

try {
  const script = document.currentScript as HTMLScriptElement | null;
  const key = script && script.dataset.key;
  if (!key) console.error('Whenflow: the script needs data-key="WRITE_KEY"');
  else if (!window.PP || !window.PP.visitorId) start(script.src, key);
} catch (error) {
  console.error(error);
}
