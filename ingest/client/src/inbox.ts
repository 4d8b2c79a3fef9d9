import type { Bubble } from "./bubble";
import type { Shelf } from "./storage";

/** A message as the stream gives it. */
export interface Message {
  id: string;
  text: string;
  sender?: string | null;
  button?: { label: string; link: string } | null;
}

export interface Inbox {
  /** A message from the stream, as JSON; also one that is here already, or was closed before its receipt was answered or folded. */
  receive(json: string): void;
  /** The visitor closed or clicked it. */
  close(id: string): void;
  /** Lets go of what was closed in another tab. */
  sync(): void;
}

/** As many as the server keeps for a visitor. */
const REMEMBERED = 50;

/** Which messages were closed all tabs remember: so none comes back while the server does not know yet. */
export function openInbox(shelf: Shelf, bubble: Bubble): Inbox {
  const closed = (): string[] => (shelf.get("closed") || "").split(" ");
  return {
    receive(json) {
      const message = JSON.parse(json) as Message;
      if (!closed().includes(message.id)) bubble.add(message);
    },
    close(id) {
      shelf.set("closed", closed().concat(id).slice(-REMEMBERED).join(" "));
      bubble.remove(id);
    },
    sync: () => closed().forEach(bubble.remove),
  };
}
