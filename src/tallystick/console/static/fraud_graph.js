// The fraud graph's picture: points that push each other away and edges that pull, on a canvas.
"use strict";

const MONEY = new Set(["transfer", "withdraw", "deposit", "repay"]);
const SHOWN_FLOWS = 20;
const VERTICES_MAX = 500;

const desk = document.getElementById("graph");
const canvas = document.getElementById("graph-canvas");
const pen = canvas.getContext("2d");
const said = document.getElementById("graph-said");
const until = document.getElementById("graph-until");
const points = new Map();
const edges = new Map();
const view = { x: 0, y: 0, scale: 1 };
let heat = 0;
let selected = null;
let pathStart = null;
let onPath = new Set();
let dragged = null;
let waiting = false;
let moved = false;

const keyOf = (kind, id) => kind + ":" + id;
const kindName = (kind) => desk.getAttribute("data-kind-" + kind.toLowerCase()) || kind;
const shade = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const amountText = (n) => n.toLocaleString(document.documentElement.lang, { maximumFractionDigits: 2 });

function tell(text) {
  said.textContent = text;
}

async function ask(name, params) {
  const address = "/console/fraud-graph/" + name + ".json?" + new URLSearchParams(params);
  try {
    const answer = await fetch(address, { headers: { accept: "application/json" } });
    if (answer.ok) return await answer.json();
    tell(answer.status === 404 ? desk.dataset.notFound : desk.dataset.failed);
  } catch {
    tell(desk.dataset.failed);
  }
  return null;
}

// Points and edges that are new are put beside what they belong to.
function add(found, near) {
  let left = 0;
  for (const v of found.vertices) {
    const key = keyOf(v.kind, v.id);
    const known = points.get(key);
    if (known) {
      known.isBlocked = v.isBlocked;
      continue;
    }
    if (points.size >= VERTICES_MAX) {
      left += 1;
      continue;
    }
    const turn = points.size * 2.4;
    const far = 40 + 6 * Math.sqrt(points.size);
    const at = near || { x: 0, y: 0 };
    points.set(key, {
      ...v, key, x: at.x + far * Math.cos(turn), y: at.y + far * Math.sin(turn), dx: 0, dy: 0, risk: 3,
    });
  }
  for (const e of found.edges) {
    const from = keyOf(e.fromKind, e.fromId);
    const to = keyOf(e.toKind, e.toId);
    if (points.has(from) && points.has(to)) {
      const ends = { a: points.get(from), b: points.get(to) };
      edges.set(e.edge + from + ">" + to, { ...e, from, to, ...ends, at: null, flowed: null });
    }
  }
  span = times();
  tell(left || !found.complete ? desk.dataset.partial : "");
  judge();
  heat = 1;
  show();
}

// Risk is how many steps away a blocked one is: 0, 1, 2, or more.
function judge() {
  let frontier = [];
  for (const p of points.values()) {
    p.risk = p.isBlocked ? 0 : 3;
    if (p.isBlocked) frontier.push(p.key);
  }
  const beside = new Map();
  for (const e of edges.values()) {
    for (const [a, b] of [[e.from, e.to], [e.to, e.from]]) {
      if (!beside.has(a)) beside.set(a, []);
      beside.get(a).push(b);
    }
  }
  for (let step = 1; step <= 2; step += 1) {
    const next = [];
    for (const key of frontier) {
      for (const other of beside.get(key) || []) {
        if (points.get(other).risk > step) {
          points.get(other).risk = step;
          next.push(other);
        }
      }
    }
    frontier = next;
  }
}

// From the first to the last moment of what is shown; null when there is no money.
let span = null;

function times() {
  let first = Infinity;
  let last = -Infinity;
  for (const e of edges.values()) {
    if (!MONEY.has(e.edge)) continue;
    first = Math.min(first, e.firstTime);
    last = Math.max(last, e.lastTime);
  }
  return first <= last ? [first, last] : null;
}

function moment() {
  return span ? span[0] + ((span[1] - span[0]) * Number(until.value)) / 1000 : Infinity;
}

// What flowed along an edge up to a moment; reckoned once for a moment.
function flow(e, at) {
  if (e.at !== at) {
    e.at = at;
    e.flowed = flowed(e, at);
  }
  return e.flowed;
}

function flowed(e, at) {
  if (e.lastTime <= at) return { count: e.count, amount: e.amount || 0 };
  let count = 0;
  let amount = 0;
  e.times.forEach((time, n) => {
    if (time <= at) {
      count += 1;
      amount += e.amounts[n] || 0;
    }
  });
  return { count, amount };
}

// Layout: one step; the heat falls until everything rests.
function step() {
  const all = [...points.values()];
  for (let i = 0; i < all.length; i += 1) {
    const a = all[i];
    a.dx -= a.x * 0.004;
    a.dy -= a.y * 0.004;
    for (let j = i + 1; j < all.length; j += 1) {
      const b = all[j];
      const x = a.x - b.x || 0.01;
      const y = a.y - b.y || 0.01;
      const d2 = x * x + y * y;
      if (d2 > 90000) continue;
      const push = 700 / (d2 + 60);
      const d = Math.sqrt(d2);
      a.dx += (x / d) * push;
      a.dy += (y / d) * push;
      b.dx -= (x / d) * push;
      b.dy -= (y / d) * push;
    }
  }
  for (const { a, b } of edges.values()) {
    const x = b.x - a.x;
    const y = b.y - a.y;
    const d = Math.sqrt(x * x + y * y) || 0.01;
    const pull = (d - 60) * 0.03;
    a.dx += (x / d) * pull;
    a.dy += (y / d) * pull;
    b.dx -= (x / d) * pull;
    b.dy -= (y / d) * pull;
  }
  for (const p of all) {
    if (p !== dragged) {
      p.x += Math.max(-12, Math.min(12, p.dx)) * heat;
      p.y += Math.max(-12, Math.min(12, p.dy)) * heat;
    }
    p.dx *= 0.5;
    p.dy *= 0.5;
  }
  heat *= 0.985;
}

function size(p) {
  return p.kind === "Account" ? 6 : p.kind === "Medium" ? 5 : 8;
}

function shape(p, r) {
  pen.beginPath();
  if (p.kind === "Account") pen.rect(p.x - r, p.y - r, 2 * r, 2 * r);
  else if (p.kind === "Medium" || p.kind === "Loan") {
    pen.moveTo(p.x, p.y - r);
    pen.lineTo(p.x + r, p.y + r);
    pen.lineTo(p.x - r, p.y + r);
    pen.closePath();
  } else pen.arc(p.x, p.y, r, 0, 2 * Math.PI);
}

// Lines are stroked one by one, heads of arrows all at once and as thin as the screen draws: a
// path of a thousand thick strokes takes far longer than a thousand paths.
function drawEdges(at, thin) {
  const shown = [...edges.values()].filter((e) => MONEY.has(e.edge) && flow(e, at).count);
  pen.setLineDash([3, 3]);
  pen.strokeStyle = colours.line;
  pen.lineWidth = 0.6 / view.scale ** 0.5;
  for (const e of edges.values()) if (!MONEY.has(e.edge)) line(e);
  pen.setLineDash([]);
  const ways = [
    [colours.money, shown.filter((e) => !onPath.has(e.from + ">" + e.to))],
    [colours.path, shown.filter((e) => onPath.has(e.from + ">" + e.to))],
  ];
  for (const [colour, held] of ways) {
    pen.strokeStyle = colour;
    for (const e of held) {
      pen.lineWidth = (0.8 + Math.log10(1 + flow(e, at).amount) / 3) / view.scale ** 0.5;
      line(e);
    }
    pen.lineWidth = thin;
    pen.beginPath();
    for (const e of held) arrow(e);
    pen.stroke();
  }
}

function line({ a, b }) {
  pen.beginPath();
  pen.moveTo(a.x, a.y);
  pen.lineTo(b.x, b.y);
  pen.stroke();
}

function arrow({ a, b }) {
  const d = Math.hypot(b.x - a.x, b.y - a.y) || 1;
  const cos = (b.x - a.x) / d;
  const sin = (b.y - a.y) / d;
  const x = b.x - (size(b) + 2) * cos;
  const y = b.y - (size(b) + 2) * sin;
  pen.moveTo(x - 5.5 * cos - 2.3 * sin, y - 5.5 * sin + 2.3 * cos);
  pen.lineTo(x, y);
  pen.lineTo(x - 5.5 * cos + 2.3 * sin, y - 5.5 * sin - 2.3 * cos);
}

let colours = {};
function readColours() {
  colours = {
    risk: [shade("--bad"), shade("--warn"), shade("--notch"), shade("--info")],
    money: shade("--line-strong"), line: shade("--line"), ink: shade("--ink"), path: shade("--primary"),
  };
}

function draw() {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.translate(width / 2 + view.x, height / 2 + view.y);
  pen.scale(view.scale, view.scale);
  const at = moment();
  drawEdges(at, 1 / (view.scale * ratio));
  pen.font = "12px sans-serif";
  for (const p of points.values()) {
    pen.fillStyle = colours.risk[p.risk];
    pen.globalAlpha = p.risk === 2 ? 0.6 : 1;
    shape(p, size(p));
    pen.fill();
    pen.globalAlpha = 1;
    if (p === selected || p === pathStart) {
      pen.strokeStyle = colours.ink;
      pen.lineWidth = 2;
      pen.stroke();
    }
    if (p === selected || points.size <= 40) {
      pen.fillStyle = colours.ink;
      pen.fillText(p.label || p.id, p.x + 10, p.y + 4);
    }
  }
}

function show() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    if (heat > 0.02) {
      step();
      show();
    }
    if (moved) {
      moved = false;
      fillTable();
      fillFacts();
    }
    draw();
  });
}

// What is said beside the picture.
function choose(p) {
  selected = p;
  document.getElementById("graph-nothing").hidden = Boolean(p);
  document.getElementById("graph-facts").hidden = !p;
  document.getElementById("graph-expand").disabled = !p;
  document.getElementById("graph-from").disabled = !p || p.kind !== "Account";
  document.getElementById("graph-to").disabled = !p || p.kind !== "Account" || !pathStart || pathStart === p;
  fillFacts();
  show();
}

function fillFacts() {
  if (!selected) return;
  const at = moment();
  let received = 0;
  let sent = 0;
  for (const e of edges.values()) {
    if (!MONEY.has(e.edge)) continue;
    if (e.to === selected.key) received += flow(e, at).amount;
    if (e.from === selected.key) sent += flow(e, at).amount;
  }
  const facts = {
    kind: kindName(selected.kind), id: selected.id, label: selected.label,
    received: amountText(received), sent: amountText(sent),
  };
  for (const [name, value] of Object.entries(facts)) {
    document.querySelector("[data-fact=" + name + "]").textContent = value;
  }
}

function cell(row, label, content) {
  const made = row.insertCell();
  made.dataset.label = label;
  made.append(content);
}

function pointButton(key) {
  const p = points.get(key);
  const made = document.createElement("button");
  made.type = "button";
  made.className = "plain-button";
  made.textContent = p.label ? p.label + " " + p.id : p.id;
  made.addEventListener("click", () => choose(p));
  return made;
}

function fillTable() {
  const at = moment();
  const body = document.getElementById("graph-rows");
  const flows = [...edges.values()].filter((e) => MONEY.has(e.edge)).map((e) => ({ e, ...flow(e, at) }));
  flows.sort((a, b) => b.amount - a.amount);
  body.replaceChildren();
  for (const { e, count, amount } of flows.filter((f) => f.count).slice(0, SHOWN_FLOWS)) {
    const row = body.insertRow();
    cell(row, body.dataset.from, pointButton(e.from));
    cell(row, body.dataset.to, pointButton(e.to));
    cell(row, body.dataset.transfers, String(count));
    cell(row, body.dataset.amount, amountText(amount));
  }
  if (!body.rows.length) {
    const none = body.insertRow().insertCell();
    none.colSpan = 4;
    none.textContent = desk.dataset.noFlows;
  }
  document.getElementById("graph-day").textContent = span
    ? new Date(at).toISOString().slice(0, 16).replace("T", " ") + " UTC" : "";
  document.getElementById("graph-export").disabled = !points.size;
}

function refresh() {
  fillTable();
  fillFacts();
  show();
}

// What a person does.
async function search(text) {
  const found = await ask("find", { text });
  if (!found) return;
  clear();
  add(found, null);
  choose(points.get(keyOf(found.vertices[0].kind, found.vertices[0].id)));
  refresh();
}

async function expand(p) {
  const found = await ask("around", { kind: p.kind, id: p.id });
  if (!found) return;
  add(found, p);
  refresh();
}

async function findPath(from, to) {
  const found = await ask("path", { id1: from.id, id2: to.id });
  if (!found) return;
  if (!found.hops.length) {
    tell(desk.dataset.noPath);
    return;
  }
  onPath = new Set();
  for (const hop of found.hops) {
    onPath.add(keyOf("Account", hop.fromId) + ">" + keyOf("Account", hop.toId));
    const ends = { vertices: [], edges: [], complete: true };
    for (const id of [hop.fromId, hop.toId]) {
      ends.vertices.push({ kind: "Account", id, label: "", isBlocked: false });
    }
    const known = ends.vertices.filter((v) => !points.has(keyOf(v.kind, v.id)));
    const edge = {
      edge: "transfer", fromKind: "Account", fromId: hop.fromId, toKind: "Account", toId: hop.toId,
      count: 1, amount: hop.amount, firstTime: hop.time, lastTime: hop.time,
      times: [hop.time], amounts: [hop.amount],
    };
    const key = "transfer" + keyOf("Account", hop.fromId) + ">" + keyOf("Account", hop.toId);
    add({ vertices: known, edges: edges.has(key) ? [] : [edge], complete: true }, from);
  }
  refresh();
  tell(desk.dataset.pathFound + ": " + found.hops.length);
}

function clear() {
  points.clear();
  edges.clear();
  span = null;
  onPath = new Set();
  pathStart = null;
  choose(null);
}

function exportCase() {
  const evidence = {
    exported: new Date().toISOString(),
    until: new Date(moment() === Infinity ? Date.now() : moment()).toISOString(),
    vertices: [...points.values()].map((p) => ({
      kind: p.kind, id: p.id, label: p.label, isBlocked: p.isBlocked, stepsFromBlocked: p.risk < 3 ? p.risk : null,
    })),
    edges: [...edges.values()].map((e) => ({
      edge: e.edge, fromKind: e.fromKind, fromId: e.fromId, toKind: e.toKind, toId: e.toId, count: e.count,
      amount: e.amount, firstTime: e.firstTime, lastTime: e.lastTime, times: e.times, amounts: e.amounts,
    })),
    path: [...onPath],
  };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(evidence, null, 1)], { type: "application/json" }));
  link.download = "case-" + evidence.exported.slice(0, 19).replaceAll(":", "") + ".json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function place(event) {
  const box = canvas.getBoundingClientRect();
  return {
    x: (event.clientX - box.left - box.width / 2 - view.x) / view.scale,
    y: (event.clientY - box.top - box.height / 2 - view.y) / view.scale,
  };
}

function pointAt(where) {
  let best = null;
  let least = (14 / view.scale) ** 2 + 60;
  for (const p of points.values()) {
    const d = (p.x - where.x) ** 2 + (p.y - where.y) ** 2;
    if (d < least) {
      best = p;
      least = d;
    }
  }
  return best;
}

let grip = null;
canvas.addEventListener("pointerdown", (event) => {
  dragged = pointAt(place(event));
  grip = { x: event.clientX, y: event.clientY };
  canvas.setPointerCapture(event.pointerId);
  if (dragged) choose(dragged);
});
canvas.addEventListener("pointermove", (event) => {
  if (!grip) return;
  if (dragged) {
    Object.assign(dragged, place(event));
    heat = Math.max(heat, 0.2);
  } else {
    view.x += event.clientX - grip.x;
    view.y += event.clientY - grip.y;
  }
  grip = { x: event.clientX, y: event.clientY };
  show();
});
for (const name of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(name, () => {
    grip = null;
    dragged = null;
  });
}
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  view.scale = Math.min(4, Math.max(0.15, view.scale * (event.deltaY < 0 ? 1.15 : 1 / 1.15)));
  show();
}, { passive: false });
canvas.addEventListener("dblclick", () => selected && expand(selected));
canvas.addEventListener("keydown", (event) => {
  const move = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[event.key];
  if (move) {
    view.x += move[0];
    view.y += move[1];
  } else if (event.key === "+") view.scale = Math.min(4, view.scale * 1.15);
  else if (event.key === "-") view.scale = Math.max(0.15, view.scale / 1.15);
  else return;
  event.preventDefault();
  show();
});
document.getElementById("graph-search").addEventListener("submit", (event) => {
  event.preventDefault();
  search(document.getElementById("find").value.trim());
});
document.getElementById("graph-expand").addEventListener("click", () => expand(selected));
document.getElementById("graph-from").addEventListener("click", () => {
  pathStart = selected;
  choose(selected);
});
document.getElementById("graph-to").addEventListener("click", () => findPath(pathStart, selected));
document.getElementById("graph-export").addEventListener("click", exportCase);
document.getElementById("graph-clear").addEventListener("click", () => {
  clear();
  refresh();
});
until.addEventListener("input", () => {
  moved = true;
  show();
});
window.addEventListener("resize", show);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  readColours();
  show();
});

readColours();
show();
const wanted = document.getElementById("find").value.trim();
if (wanted) search(wanted);
