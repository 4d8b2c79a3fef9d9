// The demo page around the shop: two languages, the basket, and the live view behind the scenes.
// All that the live view shows comes from the server (GET /demo/live); nothing is counted here.

const STRINGS = {
  en: {
    code: "en",
    otherLanguage: "中文",
    skip: "Skip to the shop",
    tagline: "A website pushes events; Whenflow keeps each visitor’s variables and sends the right message at the right instant, exactly once.",
    demoLinks: "Demo",
    backstage: "Behind the scenes",
    developersLink: "For developers",

    progressLabel: "Clicks so far",
    dots: "{count} of {wanted} clicks",
    startOver: "Start over as a new visitor",
    stageConnecting: "Waking the page client…",
    stageFirst: "Click {wanted} times, anywhere on the page.",
    stageMore: "{missing} more to go. Anywhere will do.",
    stageOne: "One more click…",
    stageEnough: "That was click {count}.",
    stageSent: "There it is. One message, sent once.",
    stageOrdered: "You have ordered, so the offer of help stays silent.",
    stageFree: "Click anywhere and watch the variables change.",

    promise: "At click number {wanted} the flow below sends you one message.",
    promiseOrder: " Check out before that, and it never comes.",
    everyClick: "Every click counts. Yes, that one too.",
    connecting: "connecting",
    live: "live",
    lost: "reconnecting",
    variables: "Your variables",
    readToo: "set or read by flows",
    event: "event {seq}",
    otherVariables: "All other variables",
    segments: "Segments:",
    noSegments: "none yet",
    messages: "Messages to you",
    noMessages: "None yet.",
    sent: "sent",
    shown: "shown",
    closed: "closed",
    clicked: "clicked",
    program: "The program",
    version: "version {version}",
    trueNow: "true now",
    falseNow: "not true now",
    visitor: "You, as Whenflow knows you",
    visitorHint: "The same from a terminal:",
    copy: "Copy",
    copied: "Copied",
    copyId: "Copy the visitor id",
    copyCommand: "Copy the command",

    shopLinks: "Shop",
    pieces: "Pieces",
    choose: "How to choose",
    basket: "Basket",
    checkout: "Check out",
    thanks: "Thank you!",
    heroEyebrow: "The autumn firing is out",
    heroTitle: "Made slowly, used daily.",
    heroText: "Stoneware thrown by hand in a small hillside workshop, and fired with pine for three days and nights.",
    heroButton: "See the pieces",
    piecesTitle: "From this firing",
    add: "Add to basket",
    added: "Added",
    cup: "Morning cup",
    cupText: "Celadon that stops just short of the foot. Holds 180 ml and both your hands.",
    cupPrice: "€24",
    moonJar: "Moon jar",
    moonJarText: "Two bowls joined at the waist. No two of them agree on what is round.",
    moonJarPrice: "€140",
    bowl: "Night bowl",
    bowlText: "Iron glaze, black in the shade and rust in the sun, for whisked tea.",
    bowlPrice: "€38",
    teapot: "Rain teapot",
    teapotText: "Cane handle, 420 ml. Pours like rain and stops like a tap.",
    teapotPrice: "€96",
    vase: "One-branch vase",
    vaseText: "For whatever the garden can spare today.",
    vasePrice: "€46",
    plates: "Everyday plates",
    platesText: "Three sizes, three glazes. They like the dishwasher, honestly.",
    platesPrice: "€66",
    chooseTitle: "How to choose",
    chooseAlone: "Tea for one",
    chooseAloneText: "The morning cup. Choose it by weight, not by colour: it is the first thing you lift all day.",
    chooseTwo: "Tea for two",
    chooseTwoText: "The rain teapot fills two morning cups, with a little left for whoever talks less.",
    chooseGift: "For somebody else",
    chooseGiftText: "The one-branch vase. It asks for nothing but a twig, and fits every window sill.",
    shopFoot: "Slow Kiln is invented for this demo. Nothing is sold, and no clay was harmed.",

    developersTitle: "For developers: what is on this page",
    developersText: "The page knows nothing of flows. It carries the page client and one snippet per event.",
    developersClient: "The page client",
    developersManual: "The manual’s snippet: every click is a webclick",
    developersSlips: "As the manual prints it: its full-width comma is mended, and the space that ends its UUID is kept, because Whenflow trims it.",
    developersCheckout: "The same for an order",
  },
  zh: {
    code: "zh-CN",
    otherLanguage: "English",
    skip: "跳到商店",
    tagline: "网站推送事件；Whenflow 实时更新每位访客的变量，在恰当的一刻发出恰当的消息，不多不少，只发一次。",
    demoLinks: "演示",
    backstage: "幕后",
    developersLink: "开发者",

    progressLabel: "点击进度",
    dots: "已点击 {count} 次，共需 {wanted} 次",
    startOver: "换个新访客重来",
    stageConnecting: "正在唤醒页面客户端……",
    stageFirst: "在页面任意位置点击 {wanted} 下。",
    stageMore: "还差 {missing} 下，点哪里都行。",
    stageOne: "就差一下……",
    stageEnough: "这是第 {count} 下。",
    stageSent: "消息来了：只此一条，不会再发。",
    stageOrdered: "您已经结账，流程就不再打扰。",
    stageFree: "随便点点，看变量如何变化。",

    promise: "点到第 {wanted} 下，下面的流程会给您发一条消息。",
    promiseOrder: "若在此之前结账，它就不会来了。",
    everyClick: "每一下都算数。对，刚才那下也算。",
    connecting: "连接中",
    live: "实时",
    lost: "重新连接中",
    variables: "您的变量",
    readToo: "流程读写的变量",
    event: "事件 {seq}",
    otherVariables: "其他变量",
    segments: "客户细分：",
    noSegments: "暂无",
    messages: "发给您的消息",
    noMessages: "暂无。",
    sent: "已发送",
    shown: "已展示",
    closed: "已关闭",
    clicked: "已点击",
    program: "流程程序",
    version: "版本 {version}",
    trueNow: "此刻成立",
    falseNow: "此刻不成立",
    visitor: "Whenflow 眼中的您",
    visitorHint: "在终端里看同样的内容：",
    copy: "复制",
    copied: "已复制",
    copyId: "复制访客标识",
    copyCommand: "复制命令",

    shopLinks: "商店",
    pieces: "器物",
    choose: "怎么挑",
    basket: "购物篮",
    checkout: "结账",
    thanks: "谢谢惠顾！",
    heroEyebrow: "秋窑新开",
    heroTitle: "慢慢烧，天天用。",
    heroText: "山间小作坊，手工拉坯，松柴烧足三天三夜。",
    heroButton: "看看器物",
    piecesTitle: "这一窑",
    add: "放入购物篮",
    added: "已放入",
    cup: "晨杯",
    cupText: "青釉流到足边恰好停住。180 毫升，正好双手捧着。",
    cupPrice: "¥168",
    moonJar: "月罐",
    moonJarText: "两只碗合成一轮满月，没有哪两只圆得一样。",
    moonJarPrice: "¥980",
    bowl: "夜盏",
    bowlText: "铁釉，背光是黑，迎光泛锈红，宜点茶。",
    bowlPrice: "¥268",
    teapot: "听雨壶",
    teapotText: "藤编提梁，420 毫升，出水如雨，说停就停。",
    teapotPrice: "¥680",
    vase: "一枝瓶",
    vaseText: "院子里今天舍得哪一枝，就插哪一枝。",
    vasePrice: "¥328",
    plates: "日常盘",
    platesText: "三个尺寸，三种釉色，放心进洗碗机。",
    platesPrice: "¥468",
    chooseTitle: "怎么挑",
    chooseAlone: "一个人喝茶",
    chooseAloneText: "选晨杯。先掂分量，再看颜色：它是您一天里最先拿起的东西。",
    chooseTwo: "两个人喝茶",
    chooseTwoText: "听雨壶正好斟满两只晨杯，剩下一点，归话少的那位。",
    chooseGift: "送人",
    chooseGiftText: "选一枝瓶。有一根枝条就够了，哪个窗台都放得下。",
    shopFoot: "“慢窑”是为演示虚构的小店，什么也不卖。",

    developersTitle: "致开发者：这个页面上有什么",
    developersText: "页面对流程一无所知，只带着页面客户端，和每个事件各一段代码。",
    developersClient: "页面客户端",
    developersManual: "手册里的代码：每次点击都是一个 webclick",
    developersSlips: "与手册所印一致：只把全角逗号改为半角；UUID 末尾的空格照样保留，Whenflow 会去掉它。",
    developersCheckout: "下单事件，同样写法",
  },
};

const LANGUAGE_KEY = "demo-language"; // index.html keeps this entry when it clears the storage
const MAX_DOTS = 12;

const view = {
  language: rememberedLanguage(),
  connection: "connecting",
  visitor: "",
  live: null,    // the last `state` from the server
  program: null, // the last `program` from the server
  conditions: [], // the `when` lines of the program that this page can evaluate exactly
};

const byId = (id) => document.getElementById(id);

// ---- Languages -------------------------------------------------------------------------------------------------

function rememberedLanguage() {
  const wanted = localStorage.getItem(LANGUAGE_KEY) ?? navigator.language;
  return wanted.toLowerCase().startsWith("zh") ? "zh" : "en";
}

function t(key, values = {}) {
  return STRINGS[view.language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function showLanguage() {
  document.documentElement.lang = t("code");
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll("[data-t-label]")) node.setAttribute("aria-label", t(node.dataset.tLabel));
  const other = view.language === "en" ? "zh" : "en";
  byId("language").textContent = t("otherLanguage");
  byId("language").lang = STRINGS[other].code;
  showConnection();
  showProgram();
  showLive();
}

function switchLanguage() {
  view.language = view.language === "en" ? "zh" : "en";
  localStorage.setItem(LANGUAGE_KEY, view.language);
  showLanguage();
}

// ---- Small helpers ---------------------------------------------------------------------------------------------

function element(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

function moment(iso) {
  const when = new Intl.DateTimeFormat(t("code"), {
    month: "short", day: "numeric", hour: "numeric", minute: "2-digit", second: "2-digit",
  });
  const node = element("time", "", when.format(new Date(iso)));
  node.dateTime = iso;
  node.title = iso;
  return node;
}

function flash(node) {
  node.animate({ backgroundColor: ["var(--flash)", "transparent"] }, { duration: 1600, easing: "ease-out" });
}

/** Shows another text on a button for a moment. */
function sayOn(button, key) {
  button.textContent = t(key);
  clearTimeout(button.sayTimer);
  button.sayTimer = setTimeout(() => { button.textContent = t(button.dataset.t); }, 1500);
}

// ---- The variables ---------------------------------------------------------------------------------------------

const EVENT_VARIABLE = /^event_(?:count|first_time|last_time|last_data)_(\d+)$/;
const rows = new Map(); // name -> {row, cell, value, language}: what stands in the page now

function valueNode(name, value) {
  if (value === null) return element("span", "null", "null");
  if (typeof value === "string" && /_(first|last)_time_\d+$|_seen_time$|_createtime$/.test(name)) return moment(value);
  return document.createTextNode(JSON.stringify(value, null, 1).replace(/\n */g, " ")); // spaced, so that it can wrap
}

function variableRow(name, value) {
  let entry = rows.get(name);
  if (!entry) {
    const head = element("th", "", name);
    head.scope = "row";
    const cell = element("td");
    entry = { row: element("tr", "", head, cell), cell, value: undefined, language: "" };
    rows.set(name, entry);
  }
  const text = JSON.stringify(value);
  if (entry.value !== text || entry.language !== view.language) entry.cell.replaceChildren(valueNode(name, value));
  if (entry.value !== undefined && entry.value !== text) flash(entry.row);
  entry.value = text;
  entry.language = view.language;
  return entry.row;
}

function groupRow(title) {
  const head = element("th", "group", title);
  head.colSpan = 2;
  head.scope = "rowgroup";
  return element("tr", "", head);
}

/** Puts rows into a table only where they differ, so that a reader's place and a running flash are kept. */
function placeRows(body, wanted) {
  wanted.forEach((row, index) => {
    if (body.children[index] !== row) body.insertBefore(row, body.children[index] ?? null);
  });
  while (body.children.length > wanted.length) body.lastElementChild.remove();
}

/** Names that the flows read or write, apart from the events': they stand with the events, not among the rest. */
function programNames(names) {
  const words = new Set(view.program?.text.match(/[A-Za-z_]\w*/g));
  if (words.has("convert")) words.add("customer_user_type");
  return names.filter((name) => words.has(name) && !EVENT_VARIABLE.test(name));
}

function eventName(seq) {
  return view.program?.text.match(new RegExp(`^event +${seq} +(\\w+|"[^"\\n]*")`, "m"))?.[1] ?? "";
}

function showVariables() {
  const variables = view.live.variables;
  const names = Object.keys(variables);
  const readToo = programNames(names);
  const main = [];
  for (const seq of new Set(names.flatMap((name) => EVENT_VARIABLE.exec(name)?.[1] ?? []))) {
    main.push(groupRow(`${t("event", { seq })} · ${eventName(seq)}`));
    for (const kind of ["count", "first_time", "last_time", "last_data"]) {
      const name = `event_${kind}_${seq}`;
      // An event that never happened would fill three rows with null; the first event shows what they are.
      if (seq === "1" || variables[name] !== null) main.push(variableRow(name, variables[name]));
    }
  }
  if (readToo.length) main.push(groupRow(t("readToo")), ...readToo.map((name) => variableRow(name, variables[name])));
  placeRows(byId("variables-main"), main);

  const rest = names.filter((name) => !EVENT_VARIABLE.test(name) && !readToo.includes(name));
  placeRows(byId("variables-rest"), rest.map((name) => variableRow(name, variables[name])));
  byId("variables-rest-count").textContent = `(${rest.length})`;
  byId("segments").replaceChildren(...(view.live.segments.length
    ? view.live.segments.map((name) => element("code", "segment", name))
    : [t("noSegments")]));
}

// ---- The messages ----------------------------------------------------------------------------------------------

function messageItem(message) {
  const status = element("span", `status ${message.status}`, t(message.status));
  const from = element("p", "message-from", element("code", "", message.flow), " · ", moment(message.time), status);
  return element("li", "", from, element("p", "message-text", message.text));
}

function showMessages() {
  const messages = [...view.live.messages].sort((a, b) => b.time.localeCompare(a.time)); // the newest first
  byId("no-messages").hidden = messages.length > 0;
  byId("messages").replaceChildren(...messages.map(messageItem));
}

// ---- The program's text ----------------------------------------------------------------------------------------

const COMPARISON = String.raw`event_count_\d+ *(?:[<>]=?|[!=]=) *\d{1,15}`;
const TOKEN = new RegExp([
  String.raw`(?<comment>#.*)`,
  String.raw`(?<string>"""(?:\\[^]|[^\\])*?"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')`,
  // Only a whole line of event counts, whole numbers and `and`: there, and only there, this page's answer is exact.
  String.raw`(?<condition>(?<=^ +when +)${COMPARISON}(?: +and +${COMPARISON})*(?=\r?$| *#))`,
  String.raw`(?<number>\b\d[\w.]*)`,
  String.raw`(?<keyword>\b(?:event|field|segment|flow|on|when|limit|once|per|hours|exit|goal|within|send|web|email|webhook|with`
    + String.raw`|text|html|subject|button|link|sender|set|convert|wait|until|for|timeout|if|elif|else|split|stop|and|or|not|in|is`
    + String.raw`|any|visit|identify|enter|leave|change)\b)`,
].join("|"), "gm");
const COMPARE = {
  ">": (a, b) => a > b, ">=": (a, b) => a >= b, "<": (a, b) => a < b, "<=": (a, b) => a <= b,
  "==": (a, b) => a === b, "!=": (a, b) => a !== b,
};

function parseComparison(text) {
  const [, name, operator, number] = /^(\w+) *(\W+?) *(\d+)$/.exec(text);
  return { name, operator, number: Number(number), node: element("span", "comparison", text) };
}

/** The `when` of a flow: each comparison with its own truth, and a badge for the whole. */
function conditionNode(text) {
  const comparisons = text.split(/ +and +/).map(parseComparison);
  const badge = element("span", "badge");
  view.conditions.push({ text, comparisons, badge });
  const nodes = comparisons.flatMap(({ node }, index) => (index ? [" ", element("span", "keyword", "and"), " ", node] : [node]));
  return element("span", "condition", ...nodes, badge);
}

function stringNode(text) {
  const parts = text.split(/(\{\{.*?\}\})/);
  return element("span", "string", ...parts.map((part, index) => (index % 2 ? element("span", "hole", part) : part)));
}

function* highlighted(text) {
  let end = 0;
  for (const token of text.matchAll(TOKEN)) {
    yield text.slice(end, token.index);
    const [kind, part] = Object.entries(token.groups).find(([, found]) => found !== undefined);
    if (kind === "condition") yield conditionNode(part);
    else if (kind === "string") yield stringNode(part);
    else yield element("span", kind, part);
    end = token.index + token[0].length;
  }
  yield text.slice(end);
}

function showProgram() {
  if (!view.program) return;
  view.conditions = [];
  byId("program").replaceChildren(...highlighted(view.program.text));
  byId("program-version").textContent = t("version", { version: view.program.version });
  const asked = askedFor();
  byId("progress-condition").replaceChildren(...(asked ? [element("span", "keyword", "when"), " ", conditionNode(asked.text)] : []));
}

function showTruth() {
  for (const { comparisons, badge } of view.conditions) {
    const truths = comparisons.map(({ name, operator, number }) => {
      const count = view.live.variables[name];
      return Number.isSafeInteger(count) ? COMPARE[operator](count, number) : null;
    });
    comparisons.forEach(({ node }, index) => { node.dataset.truth = truths[index]; });
    const whole = truths.includes(null) ? null : !truths.includes(false);
    badge.hidden = whole === null;
    badge.dataset.truth = whole;
    badge.textContent = t(whole ? "trueNow" : "falseNow");
  }
}

// ---- The row of dots -------------------------------------------------------------------------------------------

/** What the program's first condition on clicks asks for: its text, the number of clicks, and whether an order ends it. */
function askedFor() {
  for (const { text, comparisons } of view.conditions) {
    const clicks = comparisons.find(({ name, operator }) => name === "event_count_1" && (operator === ">" || operator === ">="));
    if (!clicks) continue;
    const wanted = clicks.number + (clicks.operator === ">" ? 1 : 0);
    const noOrder = comparisons.some(({ name, operator, number }) => name === "event_count_2" && operator === "==" && number === 0);
    return { text, wanted, noOrder };
  }
  return null;
}

function stage(count, wanted, noOrder) {
  if (!view.live || !view.program) return "stageConnecting";
  if (view.live.messages.length) return "stageSent";
  if (noOrder && view.live.variables.event_count_2 > 0) return "stageOrdered";
  if (!wanted || wanted > MAX_DOTS) return "stageFree";
  if (count === 0) return "stageFirst";
  if (count >= wanted) return "stageEnough";
  return wanted - count === 1 ? "stageOne" : "stageMore";
}

function showDots(count, wanted) {
  const dots = byId("dots");
  const number = wanted && wanted <= MAX_DOTS ? wanted : 0;
  while (dots.children.length > number) dots.lastElementChild.remove();
  while (dots.children.length < number) dots.append(element("span", "dot"));
  [...dots.children].forEach((dot, index) => dot.classList.toggle("full", index < count));
  dots.hidden = number === 0;
  dots.setAttribute("aria-label", t("dots", { count, wanted }));
}

function showProgress() {
  const count = view.live?.variables.event_count_1 ?? 0;
  const { wanted = null, noOrder = false } = askedFor() ?? {};
  const key = stage(count, wanted, noOrder);
  const line = t(key, { count, wanted, missing: wanted - count });
  showDots(count, wanted);
  byId("progress-line").textContent = line;
  byId("promise").textContent = wanted ? t("promise", { wanted }) : "";
  byId("promise-order").hidden = !noOrder;
  // Counting aloud at every click would drown a screen reader's user; a new stage is said once.
  const announcer = byId("announcer");
  if (announcer.dataset.stage !== key) announcer.textContent = line;
  announcer.dataset.stage = key;
}

// ---- The live connection ---------------------------------------------------------------------------------------

function showConnection() {
  const node = byId("connection");
  node.textContent = t(view.connection);
  node.dataset.state = view.connection;
}

function showLive() {
  if (view.live) {
    showVariables();
    showMessages();
    showTruth();
  }
  showProgress();
}

function connect(visitor) {
  byId("visitor-id").textContent = visitor;
  byId("visitor-command").textContent = `whenflow visitor ${visitor}`;
  const source = new EventSource(`/demo/live?visitor=${encodeURIComponent(visitor)}`);
  const setConnection = (state) => { view.connection = state; showConnection(); };
  source.addEventListener("open", () => setConnection("live"));
  source.addEventListener("error", () => {
    setConnection("lost");
    // After a broken line the browser tries again by itself; after an answer that was an error it does not.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => connect(visitor), 3000);
  });
  source.addEventListener("state", (event) => { view.live = JSON.parse(event.data); showLive(); });
  source.addEventListener("program", (event) => { view.program = JSON.parse(event.data); showProgram(); showLive(); });
}

function whenPageClientIsThere(then) {
  if (window.PP?.visitorId) then();
  else document.querySelector("script[data-key]").addEventListener("load", then);
}

// ---- The shop and the buttons ----------------------------------------------------------------------------------

function addPiece(button) {
  byId("basket-count").textContent = Number(byId("basket-count").textContent) + 1;
  byId("checkout").hidden = false;
  byId("thanks").hidden = true;
  sayOn(button, "added");
}

function emptyBasket() {
  byId("basket-count").textContent = 0;
  byId("checkout").hidden = true;
  byId("thanks").hidden = false;
}

async function copy(button) {
  const source = byId(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
    sayOn(button, "copied");
  } catch { // no clipboard outside a secure context: the text is selected instead, ready for the keyboard
    getSelection().selectAllChildren(source);
  }
}

function showSnippets() {
  const client = document.querySelector("script[data-key]");
  byId("client-shown").textContent = `<script async src="/ppmatc.js" data-key="${client.dataset.key}"><\/script>`;
  byId("manual-shown").textContent = byId("manual-snippet").textContent.trim();
  byId("checkout-shown").textContent = byId("checkout-snippet").textContent.trim();
}

function openDevelopers() {
  byId("developers").open = true;
}

byId("language").addEventListener("click", switchLanguage);
byId("start-over").addEventListener("click", () => location.replace("/?new-visitor")); // see the head of index.html
byId("checkout").addEventListener("click", emptyBasket);
for (const button of document.querySelectorAll(".add")) button.addEventListener("click", () => addPiece(button));
for (const button of document.querySelectorAll("[data-copy]")) button.addEventListener("click", () => copy(button));
document.querySelector("a[href='#developers']").addEventListener("click", openDevelopers);
if (location.hash === "#developers") openDevelopers();

showLanguage();
showSnippets();
whenPageClientIsThere(() => connect(window.PP.visitorId()));
