import { beforeEach, describe, expect, it } from "vitest";
import { describeUser, describeVisit, type Settings } from "../src/page";
import { openShelf } from "../src/storage";

const json = (value: unknown) => value && JSON.parse(JSON.stringify(value));

describe("window.ppSettings", () => {
  it("becomes Whenflow's fields", () => {
    const settings: Settings = {
      ent_user_id: 7,
      ent_user_name: "李雷",
      ent_user_icon: "i.png",
      ent_user_mobile: 13800138000,
      ent_user_phone: "010",
      ent_user_email: "l@example.com",
      ent_user_create_time: 1700000000,
    };
    expect(json(describeUser(settings))).toEqual({
      ent_user_id: "7",
      user_fullname: "李雷",
      user_mobile: "13800138000",
      user_email: "l@example.com",
      ent_user_createtime: 1700000000,
    });
  });

  it("gives a phone number where there is no mobile one, and nothing for what is missing", () => {
    expect(json(describeUser({ ent_user_id: "a", ent_user_phone: "010" }))).toEqual({ ent_user_id: "a", user_mobile: "010" });
  });

  it.each([
    [1700000000123, 1700000000.123],
    ["1700000000", 1700000000],
    [new Date(1700000000000), 1700000000],
    ["yesterday", undefined],
  ])("reads a time of %s", (given, seconds) => {
    expect(json(describeUser({ ent_user_id: "a", ent_user_create_time: given })).ent_user_createtime).toBe(seconds);
  });

  it("says nothing of a page's anonymous visitor", () => {
    expect(describeUser(undefined)).toBeUndefined();
    expect(describeUser({})).toBeUndefined();
    expect(describeUser({ ent_user_id: "" })).toBeUndefined();
  });
});

describe("a visit", () => {
  beforeEach(() => sessionStorage.clear());

  it("tells of the page, and of the tab's first page", () => {
    const tab = openShelf("sessionStorage", "");
    tab.set("landing", "https://example.com/first");
    document.title = "Shoes";
    expect(describeVisit(tab)).toEqual({
      page_url: location.href,
      page_title: "Shoes",
      referrer: "",
      browser_language: navigator.language,
      landing_page: "https://example.com/first",
    });
  });
});
