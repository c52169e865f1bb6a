// The page to try the API: reads /openapi.json, shows each operation, sends requests.

const TEXTS = {
  en: {
    key: "API key", filter: "Find an operation", refusals: "Refusals", parameters: "Parameters",
    body: "Request body", answer: "Answer", problems: "What it can be refused with", try: "Try it",
    send: "Send", sending: "Sending …", idempotency: "Idempotency-Key", fresh: "New",
    curl: "The same with curl", copy: "Copy", copied: "Copied", nothing: "Nothing but the address.",
    failed: "No answer", replayed: "given before", optional: "may be left out",
    needed: "required", start: "Start here", ms: "ms",
    hint: "Put your API key at the top; it is kept for this tab only. In a sandbox it is "
      + "“rest_key” in <data>/sandbox/credentials.json.",
  },
  zh: {
    key: "API 密钥", filter: "查找接口", refusals: "拒绝码", parameters: "参数",
    body: "请求体", answer: "应答", problems: "可能的拒绝", try: "试一试",
    send: "发送", sending: "发送中 …", idempotency: "Idempotency-Key", fresh: "换新",
    curl: "对应的 curl 命令", copy: "复制", copied: "已复制", nothing: "只需地址，无其他参数。",
    failed: "没有应答", replayed: "此前已应答", optional: "可省略",
    needed: "必填", start: "从这里开始", ms: "毫秒",
    hint: "请在页面顶部填入 API 密钥，仅在本标签页内保留。沙箱的密钥是 "
      + "<data>/sandbox/credentials.json 中的 rest_key。",
  },
};

const DEPTH_MAX = 4;
const main = document.getElementById("main");
const keyInput = document.getElementById("key");
const filterInput = document.getElementById("filter");
const languageButton = document.getElementById("language");

let language = sessionStorage.getItem("language")
  ?? (navigator.language.startsWith("zh") ? "zh" : "en");
let api = null;

const text = (name) => TEXTS[language][name];

function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "for") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Text with `code` and line breaks, as the descriptions have it; never as markup.
function prose(written) {
  return written.split("\n\n").filter(Boolean).map((paragraph) => {
    const parts = paragraph.split("`");
    return make("p", {}, ...parts.map((part, at) => (at % 2 ? make("code", {}, part) : part)));
  });
}

function resolved(schema) {
  let found = schema;
  while (found?.$ref) {
    found = found.$ref.slice(2).split("/").reduce((at, name) => at[name], api);
  }
  return found ?? {};
}

function operations() {
  return Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })));
}

// Schemas.

// What a value is when it is there: null beside it says nothing about its form.
function plain(schema) {
  const found = resolved(schema);
  const parts = (found.anyOf ?? []).filter((part) => part.type !== "null");
  return parts.length === 1 ? { ...resolved(parts[0]), default: found.default } : found;
}

function kind(schema) {
  const found = resolved(schema);
  if (found.enum) return found.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (found.anyOf) return found.anyOf.map(kind).join(" | ");
  if (found.type === "array") {
    const item = kind(found.items ?? {});
    return item.includes(" | ") ? `(${item})[]` : `${item}[]`;
  }
  if (found.type === "object") return found.title ?? "object";
  return found.type ?? "any";
}

function limits(schema) {
  const found = plain(schema);
  const said = [];
  if (found.pattern) said.push(found.pattern);
  if (found.minimum !== undefined || found.maximum !== undefined) {
    said.push(`${found.minimum ?? ""}…${found.maximum ?? ""}`);
  }
  if (found.minLength !== undefined || found.maxLength !== undefined) {
    said.push(`${found.minLength ?? 0}–${found.maxLength ?? "∞"} characters`);
  }
  if (found.maxItems !== undefined) said.push(`at most ${found.maxItems}`);
  if (found.default !== undefined && found.default !== null && found.default !== "") {
    said.push(`default ${JSON.stringify(found.default)}`);
  }
  return said.join(" · ");
}

function objectsIn(schema) {
  const found = resolved(schema);
  if (found.type === "object" && found.properties) return [found];
  if (found.type === "array") return objectsIn(found.items ?? {});
  return (found.anyOf ?? []).flatMap(objectsIn);
}

function inside(schema, depth, marked) {
  const objects = depth < DEPTH_MAX ? objectsIn(schema) : [];
  return objects.map((found) => make("details", {},
    make("summary", {}, found.title ?? "object"),
    make("div", { className: "inside" }, fields(found, depth + 1, marked))));
}

function row(name, schema, needed, depth, marked = true) {
  const note = schema.description ?? plain(schema).description ?? "";
  return make("tr", {},
    make("td", {}, make("code", {}, name),
      needed ? make("span", { className: "needed", title: text("needed") }, " *") : null),
    make("td", {}, make("code", {}, kind(schema)), make("div", { className: "faint" }, limits(schema)),
      note ? make("div", {}, ...prose(note)) : null, ...inside(schema, depth, marked)));
}

function fields(schema, depth = 0, marked = true) {
  const found = resolved(schema);
  const needed = new Set(marked ? found.required ?? [] : []);
  return make("table", { className: "fields" }, make("tbody", {},
    ...Object.entries(found.properties ?? {}).map(([name, part]) =>
      row(name, part, needed.has(name), depth, marked))));
}

function schemaView(schema, marked) {
  const found = resolved(schema);
  if (found.type === "object" && found.properties) {
    return make("div", {}, ...prose(found.description ?? ""), fields(found, 0, marked));
  }
  return make("div", {}, make("p", {}, make("code", {}, kind(schema))), ...inside(schema, 0, marked));
}

// Examples.

function example(schema, depth = 0) {
  const found = resolved(schema);
  if (found.examples?.length) return found.examples[0];
  if (found.default !== undefined && found.default !== null) return found.default;
  if (found.enum) return found.enum[0];
  if (found.anyOf) return example(found.anyOf[0], depth);
  if (found.type === "object" && depth < DEPTH_MAX) {
    return Object.fromEntries((found.required ?? []).map((name) =>
      [name, example(found.properties[name], depth + 1)]));
  }
  return { integer: 0, boolean: true, array: [], object: {} }[found.type] ?? "";
}

function bodyExample(operation) {
  const media = operation.requestBody?.content["application/json"];
  if (!media) return null;
  return JSON.stringify(media.example ?? example(media.schema), null, 2);
}

// Trying.

const freshKey = () => `try-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;

function address(operation, values) {
  const path = operation.path.replace(/{(\w+)}/g, (_, name) =>
    encodeURIComponent(values[`path.${name}`] ?? ""));
  const query = new URLSearchParams();
  for (const parameter of operation.parameters) {
    const value = values[`query.${parameter.name}`];
    if (parameter.in === "query" && value) query.set(parameter.name, value);
  }
  return query.size ? `${path}?${query}` : path;
}

const takesKey = (operation) => operation.parameters.some((p) => p.name === "Idempotency-Key");

function request(operation, form) {
  const values = Object.fromEntries(new FormData(form));
  const open = operation.security?.length === 0;
  const headers = open ? {} : { authorization: `Bearer ${keyInput.value}` };
  let body;
  if (takesKey(operation)) headers["idempotency-key"] = values.idempotency;
  if (operation.requestBody) {
    headers["content-type"] = "application/json";
    body = values.body;
  }
  return { url: address(operation, values), method: operation.method.toUpperCase(), headers, body };
}

const quoted = (word) => `'${word.replaceAll("'", String.raw`'\''`)}'`;

function curl(made) {
  const lines = [`curl ${quoted(location.origin + made.url)}`];
  for (const [name, value] of Object.entries(made.headers)) {
    const shown = name === "authorization" ? `"authorization: Bearer $TALLYSTICK_KEY"` : quoted(`${name}: ${value}`);
    lines.push(`-H ${shown}`);
  }
  if (made.body !== undefined) lines.push(`-d ${quoted(made.body)}`);
  return lines.join(" \\\n  ");
}

function input(parameter, place) {
  const schema = resolved(parameter.schema);
  const name = `${place}.${parameter.name}`;
  const given = sessionStorage.getItem(`value.${parameter.name}`) ?? "";
  const label = parameter.required ? `${parameter.name} *` : parameter.name;
  if (schema.enum) {
    const options = ["", ...schema.enum].map((value) => make("option", { value }, value));
    return make("label", {}, label, make("select", { name }, ...options));
  }
  const shown = parameter.required ? given : "";
  return make("label", {}, label, make("input", {
    name, value: shown, autocomplete: "off", placeholder: String(schema.examples?.[0] ?? schema.default ?? ""),
  }));
}

function remember(form) {
  for (const [name, value] of new FormData(form)) {
    if (name.startsWith("path.") && value) sessionStorage.setItem(`value.${name.slice(5)}`, value);
  }
}

function shown(body) {
  try {
    // The text itself is laid out, so that long numbers keep every digit.
    JSON.parse(body);
    return indented(body);
  } catch {
    return body;
  }
}

function indented(json) {
  let depth = 0;
  const tokens = json.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  const line = () => `\n${"  ".repeat(depth)}`;
  return tokens.reduce((made, token, at) => {
    const before = tokens[at - 1];
    if (token === "}" || token === "]") {
      depth -= 1;
      return made + (before === "{" || before === "[" ? "" : line()) + token;
    }
    const led = before === "{" || before === "[" ? line() : "";
    if (token === "{" || token === "[") depth += 1;
    if (token === ",") return made + token + line();
    return made + led + (token === ":" ? ": " : token);
  }, "");
}

async function send(operation, form, output) {
  const made = request(operation, form);
  const started = performance.now();
  remember(form);
  output.replaceChildren(make("p", { className: "faint" }, text("sending")));
  try {
    const reply = await fetch(made.url, made);
    const body = await reply.text();
    const took = Math.round(performance.now() - started);
    output.replaceChildren(
      make("div", { className: "said" },
        make("span", { className: reply.ok ? "badge" : "badge bad" }, `${reply.status} ${reply.statusText}`),
        make("span", { className: "faint" }, `${took} ${text("ms")}`),
        reply.headers.get("idempotent-replayed")
          ? make("span", { className: "badge" }, text("replayed")) : null,
        make("span", { className: "faint" }, `x-request-id ${reply.headers.get("x-request-id")}`)),
      make("pre", { className: "answer", tabIndex: 0 }, shown(body)));
  } catch (error) {
    output.replaceChildren(make("p", { className: "badge bad" }, `${text("failed")}: ${error.message}`));
  }
}

function copyButton(source) {
  const button = make("button", { type: "button", className: "quiet" }, text("copy"));
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = text("copied");
  });
  return button;
}

function tryCard(operation) {
  const form = make("form", {});
  const output = make("div", { "aria-live": "polite" });
  const line = make("pre", { className: "curl", tabIndex: 0 });
  const inputs = operation.parameters.filter((p) => p.in !== "header").map((p) => input(p, p.in));
  form.append(...inputs);
  if (takesKey(operation)) {
    const key = make("input", { name: "idempotency", value: freshKey(), autocomplete: "off" });
    const fresh = make("button", { type: "button", className: "quiet" }, text("fresh"));
    fresh.addEventListener("click", () => { key.value = freshKey(); form.dispatchEvent(new Event("input")); });
    form.append(make("div", { className: "row" }, make("label", {}, text("idempotency"), key), fresh));
  }
  if (operation.requestBody) {
    form.append(make("label", {}, text("body"), make("textarea", {
      name: "body", value: bodyExample(operation), spellcheck: false })));
  }
  if (!inputs.length && !operation.requestBody) form.append(make("p", { className: "faint" }, text("nothing")));
  form.append(make("button", { type: "submit" }, text("send")));
  const draw = () => { line.textContent = curl(request(operation, form)); };
  form.addEventListener("input", draw);
  form.addEventListener("submit", (event) => { event.preventDefault(); send(operation, form, output); });
  draw();
  return make("section", { className: "card try", "aria-label": text("try") },
    make("h2", {}, text("try")), form, output,
    make("h2", {}, text("curl")), line, copyButton(line));
}

// Views.

function problemList(operation) {
  const entries = Object.entries(operation.responses).filter(([status]) => status >= "400");
  return make("ul", { className: "codes" }, ...entries.flatMap(([status, response]) => {
    const examples = resolved(response).content["application/problem+json"].examples;
    return Object.entries(examples).map(([code, found]) => make("li", {},
      make("span", { className: "faint" }, status),
      make("span", {}, make("a", { href: `/docs/refusals#${code}` }, make("code", {}, code)), " ",
        language === "zh" ? resolved(found).value.title_zh : resolved(found).summary)));
  }));
}

function parameterTable(operation) {
  return make("table", { className: "fields" }, make("tbody", {}, ...operation.parameters.map((parameter) =>
    row(parameter.name, { ...resolved(parameter.schema), description: parameter.description },
      parameter.required, 0))));
}

function operationView(operation) {
  const done = Object.entries(operation.responses).find(([status]) => status < "300");
  const parts = [];
  if (operation.parameters.length) {
    parts.push(make("h2", {}, text("parameters")), parameterTable(operation));
  }
  if (operation.requestBody) {
    const optional = operation.requestBody.required ? "" : ` (${text("optional")})`;
    parts.push(make("h2", {}, text("body") + optional),
      schemaView(operation.requestBody.content["application/json"].schema, true));
  }
  parts.push(make("h2", {}, `${text("answer")} ${done[0]}`),
    schemaView(done[1].content["application/json"].schema, false),
    make("h2", {}, text("problems")), problemList(operation));
  main.replaceChildren(
    make("h1", {}, operation.summary),
    make("div", { className: "address" }, badge(operation), make("span", { className: "path" }, operation.path)),
    ...prose(operation.description ?? ""),
    make("div", { className: "columns" }, make("div", { className: "card" }, ...parts), tryCard(operation)));
  document.title = `${operation.summary} · Tallystick`;
}

function startView() {
  const [first, ...rest] = api.info.description.split("\n\n");
  const points = rest.join("\n").split("\n* ").map((point) => point.replace(/^\* /, ""));
  main.replaceChildren(
    make("h1", {}, "Tallystick API"), ...prose(first),
    make("ul", {}, ...points.map((point) => make("li", {}, ...prose(point)))),
    make("h2", {}, text("start")), make("p", {}, text("hint")),
    make("div", { className: "tags" }, ...api.tags.map((tag) => make("section", { className: "card" },
      make("h2", {}, tag.name), make("p", {}, tag.description),
      make("ul", {}, ...operations().filter((o) => o.tags[0] === tag.name).map((o) =>
        make("li", {}, make("a", { href: `#/${o.operationId}` }, o.summary))))))));
  document.title = "API · Tallystick";
}

const badge = (operation) => make("span", { className: `method ${operation.method}` }, operation.method.toUpperCase());

function drawRail() {
  const wanted = filterInput.value.trim().toLowerCase();
  const current = location.hash.slice(2);
  const fits = (o) => `${o.summary} ${o.path} ${o.operationId}`.toLowerCase().includes(wanted);
  document.getElementById("list").replaceChildren(...api.tags.flatMap((tag) => {
    const found = operations().filter((o) => o.tags[0] === tag.name && fits(o));
    if (!found.length) return [];
    const items = found.map((o) => make("li", {}, make("a", {
      href: `#/${o.operationId}`, ...(o.operationId === current ? { "aria-current": "page" } : {}),
    }, badge(o), o.summary)));
    return [make("h2", {}, tag.name), make("ul", {}, ...items)];
  }));
}

function closeMenu() {
  document.getElementById("rail").classList.remove("open");
  document.getElementById("menu").setAttribute("aria-expanded", "false");
}

function draw() {
  for (const marked of document.querySelectorAll("[data-text]")) marked.textContent = text(marked.dataset.text);
  document.documentElement.lang = language;
  filterInput.placeholder = text("filter");
  filterInput.setAttribute("aria-label", text("filter"));
  languageButton.textContent = language === "zh" ? "English" : "中文";
  const operation = operations().find((o) => o.operationId === location.hash.slice(2));
  if (operation) operationView(operation);
  else startView();
  drawRail();
  closeMenu();
  window.scrollTo(0, 0);
}

keyInput.value = sessionStorage.getItem("key") ?? "";
keyInput.addEventListener("input", () => sessionStorage.setItem("key", keyInput.value));
filterInput.addEventListener("input", drawRail);
languageButton.addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  sessionStorage.setItem("language", language);
  draw();
});
document.getElementById("menu").addEventListener("click", (event) => {
  const open = document.getElementById("rail").classList.toggle("open");
  event.currentTarget.setAttribute("aria-expanded", String(open));
});
window.addEventListener("hashchange", draw);
api = await (await fetch("/openapi.json")).json();
draw();
