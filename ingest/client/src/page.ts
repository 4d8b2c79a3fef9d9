import type { Shelf } from "./storage";

/** How a page names a signed-in user: `window.ppSettings`. */
export type Settings = Partial<
  Record<
    "ent_user_id" | "ent_user_name" | "ent_user_icon" | "ent_user_mobile" | "ent_user_phone" | "ent_user_email",
    string | number
  > & { ent_user_create_time: number | string | Date }
>;

/** The data of a `visit`. The tab remembers the page that it began with. */
export function describeVisit(tab: Shelf): Record<string, string> {
  const page_url = location.href;
  const landing_page = tab.get("landing") || page_url;
  tab.set("landing", landing_page);
  return {
    page_url,
    page_title: document.title,
    referrer: document.referrer,
    browser_language: navigator.language,
    landing_page,
  };
}

/** The data of an `identify`, under the names of Whenflow's fields; nothing when the page names no user. */
export function describeUser(settings: Settings | undefined): object | undefined {
  if (!settings || !settings.ent_user_id) return undefined;
  const text = (value: string | number | undefined): string | undefined => (value ? String(value) : undefined);
  const created = Number(settings.ent_user_create_time);
  return {
    ent_user_id: text(settings.ent_user_id),
    user_fullname: text(settings.ent_user_name),
    user_mobile: text(settings.ent_user_mobile || settings.ent_user_phone),
    user_email: text(settings.ent_user_email),
    // As JavaScript's times are milliseconds, pages give those too. Seconds reach 1e11 in the year 5138.
    ent_user_createtime: created > 1e11 ? created / 1000 : created || undefined,
  };
}
