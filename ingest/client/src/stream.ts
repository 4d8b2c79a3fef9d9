import { backoff } from "./backoff";

/**
 * Keeps an EventSource on `url` while the page is visible: browsers allow a host six connections, over all tabs. It reconnects by itself
 * after a lost connection, but gives up on an answer that is not 200; then we try again, later each time.
 */
export function openStream(url: string, onMessage: (data: string) => void): void {
  let source: EventSource;
  let timer = 0;
  let failures = 0;

  const open = (): void => {
    clearTimeout(timer);
    if (source) source.close();
    if (document.hidden) return;
    source = new EventSource(url);
    source.onmessage = ({ data }) => onMessage(data);
    source.onopen = () => {
      failures = 0;
    };
    source.onerror = () => {
      if (source.readyState > 1) timer = setTimeout(open, backoff(failures++));
    };
  };
  document.addEventListener("visibilitychange", open);
  open();
}
