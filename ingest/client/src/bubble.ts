import css from "./bubble.css?inline";
import type { Message } from "./inbox";

export type Status = "shown" | "closed" | "clicked";

export interface Bubble {
  /** Puts a message on top, once; `bubble.css` shows the newest three. */
  add(message: Message): void;
  remove(id: string): void;
  hide(hidden: boolean): void;
}

/** Right to left, or left to right, by what is written. An element with it does not count for the one around it. */
const AUTO = { dir: "auto" };

/** Text is text: nothing that a message holds is ever read as markup. */
function make(tag: string, text = "", attributes: Record<string, string> = {}): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const name in attributes) made.setAttribute(name, attributes[name] as string);
  return made;
}

/**
 * The messages, at the lower right of the page. The page's styles end at the shadow root, and so do our events. The list is a live region that is
 * in the page before any message, so that a screen reader announces each one as it comes. Focus is never taken, only handed on when the
 * card that has it goes.
 */
export function makeBubble(report: (message: Message, status: Status) => void): Bubble {
  const chinese = /^zh/i.test(document.documentElement.lang || navigator.language);
  const host = make("whenflow-messages");
  const root = host.attachShadow({ mode: "open" });
  const list = make("div", "", { role: "log", "aria-live": "polite", "aria-label": chinese ? "消息" : "Messages" });
  const cards = new Map<string, HTMLElement>();
  const unseen = new Map<Message, HTMLElement>();

  const makeCard = (message: Message): HTMLElement => {
    const { sender, text, button } = message;
    const close = (): void => report(message, "closed");
    const card = make("article", "", AUTO);
    card.onkeydown = ({ key }) => {
      if (key === "Escape") close();
    };
    if (sender) card.append(make("b", sender, AUTO));
    card.append(make("p", text));
    // A button leads to a page, and to nothing that runs.
    if (button && /^(https?:\/)?\//i.test(button.link)) {
      const link = make("a", button.label, { href: button.link, rel: "noopener" }) as HTMLAnchorElement;
      if (link.origin !== location.origin) link.target = "_blank";
      link.onclick = () => report(message, "clicked");
      card.append(link);
    }
    const cross = make("button", "×", { "aria-label": chinese ? "关闭" : "Close" });
    cross.onclick = close;
    card.append(cross);
    return card;
  };

  /** In the page, and again where the page's framework threw it out. */
  const place = (): void => {
    if (!host.isConnected) document.documentElement.append(host);
  };

  /** Reports what the visitor can now see. */
  const look = (): void =>
    unseen.forEach((card, message) => {
      if (document.hidden || !card.offsetHeight) return;
      unseen.delete(message);
      report(message, "shown");
    });

  const sheet = new CSSStyleSheet(); // Unlike a style element, allowed by any content security policy.
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [sheet];
  root.append(list);
  place();
  document.addEventListener("visibilitychange", look);
  // What is done in the bubble is none of the page's business: not its click counters', not its shortcuts'.
  for (const name in host) {
    if (/^on(.*click|context|key|mouse|pointer|touch)/.test(name)) {
      root.addEventListener(name.slice(2), (event) => event.stopPropagation(), { passive: true });
    }
  }

  return {
    add(message) {
      if (cards.has(message.id)) return;
      place();
      const card = makeCard(message);
      cards.set(message.id, card);
      unseen.set(message, card);
      list.prepend(card);
      look();
    },
    remove(id) {
      const card = cards.get(id);
      if (!card) return;
      const focused = card.contains(root.activeElement);
      card.remove();
      const next = list.querySelector("button");
      if (focused && next) next.focus();
      look();
    },
    hide(hidden) {
      list.hidden = hidden;
      look();
    },
  };
}
