"use strict";

// ---- The model ----------------------------------------------------------------------------------

const M = JSON.parse(document.getElementById("model").textContent);
const inputs = new Set(M.inputs.map((value) => value.name));
const outputs = new Set(M.outputs.map((value) => value.name));
const shapeOf = new Map();  // value name -> shape, where it is known
const maker = new Map();    // value name -> node index
const weightOf = new Map(); // value name -> tensor: a weight, or what a Constant node holds

for (const value of M.inputs) shapeOf.set(value.name, value.shape);
for (const value of M.outputs) shapeOf.set(value.name, value.shape);
M.weights.forEach((weight) => { if (!inputs.has(weight.name)) weightOf.set(weight.name, weight); });
M.nodes.forEach((node, index) => {
  node.index = index;
  node.out.forEach((name, slot) => {
    if (name === "") return;
    maker.set(name, index);
    if (node.shapes[slot] !== null) shapeOf.set(name, node.shapes[slot]);
  });
});

// Nodes whose inputs are all weights make weights: they are not drawn.
function findConstants() {
  for (const node of M.nodes) {
    const read = node.in.filter((name) => name !== "");
    node.constant = read.every((name) => weightOf.has(name)) &&
      (node.op === "Constant" || read.length > 0);
    if (!node.constant) continue;
    const held = (node.attributes || []).find((attribute) => attribute.tensor);
    for (const name of node.out) {
      if (name === "") continue;
      const from = weightOf.get(read[0]);
      const tensor = held ? held.tensor : node.op === "Identity" ? from : null;
      weightOf.set(name, Object.assign({ shape: shapeOf.get(name) }, tensor, { name, node }));
    }
  }
}
findConstants();

// What each block holds: children, and nodes that no child holds, in the order of the file.
M.blocks.forEach((block, index) => Object.assign(block, { index, first: Infinity, items: [], count: 0 }));
const whole = { items: [], index: -1 };
const blockAt = (index) => (index < 0 ? whole : M.blocks[index]);

function fillItems() {
  for (const node of M.nodes) {
    if (node.constant) continue;
    blockAt(node.block).items.push(node);
    for (let at = node.block; at >= 0; at = M.blocks[at].parent) {
      M.blocks[at].first = Math.min(M.blocks[at].first, node.index);
      M.blocks[at].count++;
    }
  }
  for (const block of M.blocks) if (block.count) blockAt(block.parent).items.push(block);
  const place = (item) => (item.kind ? item.first : item.index);
  for (const level of [whole, ...M.blocks]) level.items.sort((a, b) => place(a) - place(b));
}
fillItems();

function nodesIn(item) {
  if (!item.kind) return [item];
  const found = [];
  const open = [item];
  while (open.length) {
    const next = open.pop();
    if (next.items) open.push(...next.items); else found.push(next);
  }
  return found;
}

// ---- Small helpers ------------------------------------------------------------------------------

function make(tag, classes, text) {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  if (text !== undefined && text !== null) element.textContent = text;
  return element;
}

function draw(tag, attributes, parent) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (parent) parent.append(element);
  return element;
}

const grouped = (number) => Number(number).toLocaleString("en-US");
// "1 × 64 × 56 × 56"; "" when nothing is known of it.
const times = (shape) => {
  if (!shape) return "";
  return shape.length ? shape.map((size) => (size === null ? "?" : size)).join(" × ") : "scalar";
};
const short = (number) => {
  if (typeof number !== "number") return String(number);
  if (number === 0 || (Math.abs(number) >= 1e-3 && Math.abs(number) < 1e6)) return String(Number(number.toPrecision(5)));
  return number.toExponential(3);
};

function bytesText(bytes) {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < 3) { bytes /= 1024; unit++; }
  return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`;
}

// "12.3 M"
function amount(number) {
  const units = ["", " k", " M", " G", " T"];
  let unit = 0;
  while (number >= 1000 && unit < 4) { number /= 1000; unit++; }
  return (unit ? number.toPrecision(3) : number) + units[unit];
}

// ---- What a block is, in words ------------------------------------------------------------------

const orders = { post: "post-activation", pre: "pre-activation" };

function channelsOf(block) {
  if (!block.ins && !block.outs) return "";
  if (block.kind === "squeeze_excite") return `${block.ins} channels through ${block.hidden}`;
  if (block.kind === "gate") return `${block.ins} channels`;
  const chain = block.mid ? [block.ins, block.mid, block.outs] : [block.ins, block.outs];
  return chain.join(" → ");
}

function wordsOf(block) {
  const words = [];
  const channels = channelsOf(block);
  if (block.height) words.push(`${block.height}×${block.width}`);
  if (channels) words.push(channels);
  if (block.stride > 1) words.push(`stride ${block.stride}`);
  if (block.groups > 1) words.push(block.groups === block.ins && block.kind === "conv_norm_act" ? "depthwise" : `${block.groups} groups`);
  if (block.norm && block.norm !== "none") words.push(`${block.norm} norm`);
  if (block.activation && block.activation !== "none") words.push(block.activation);
  if (block.form) words.push(block.form);
  if (block.se_gate && block.kind === "squeeze_excite") words.push(`gate ${block.se_gate}`);
  return words.join(", ");
}

function answersOf(block) {
  if (!block.skip) return "";
  const words = [block.skip === "identity" ? "skip: identity" : `skip: ${block.skip_of || block.skip}`];
  if (block.order) words.push(orders[block.order]);
  words.push(block.after_add === "none" ? "nothing after the addition" : `${block.after_add} after the addition`);
  if (block.hidden && block.kind !== "squeeze_excite") words.push(`SE through ${block.hidden}`);
  return words.join(" · ");
}

// A pictogram: the main path with a dot a convolution, the skip path with its addition, the gate.
function pictureOf(block) {
  const svg = draw("svg", { class: "picture", viewBox: "0 0 34 46", "aria-hidden": "true" });
  const dots = { residual: 2, bottleneck: 3, inverted_bottleneck: 3, conv_norm_act: 1 }[block.kind] || 0;
  if (block.kind === "squeeze_excite" || block.kind === "gate") {
    draw("path", { d: "M9 3V43M9 9H24V15M24 27V36H13" }, svg);
    draw("rect", { x: 19, y: 15, width: 10, height: 12, rx: 2 }, svg);
    draw("circle", { cx: 9, cy: 36, r: 3.6 }, svg);
    return svg;
  }
  const x = block.skip ? 11 : 17;
  draw("path", { d: `M${x} 2V44` }, svg);
  if (block.skip) {
    draw("path", { d: "M11 5H22Q26 5 26 9V33Q26 37 22 37H15" }, svg);
    draw("circle", { cx: 11, cy: 37, r: 3.6 }, svg);
    if (block.skip === "projection") draw("rect", { x: 22.5, y: 17, width: 7, height: 7, class: "full" }, svg);
  }
  const wide = { inverted_bottleneck: [3, 4.5, 3], bottleneck: [4, 2.6, 4] }[block.kind];
  for (let i = 0; i < dots; i++) {
    const y = dots === 1 ? 23 : 11 + (i * 20) / (dots - 1) - (block.skip ? 1 : -2);
    draw("circle", { cx: x, cy: y, r: wide ? wide[i] - 0.6 : 3.1, class: "full" }, svg);
  }
  if (dots === 0) draw("rect", { x: x - 5, y: 12, width: 10, height: 16, rx: 2 }, svg);
  return svg;
}

// ---- Levels: items one below the other, and the edges between them ---------------------------------

// The item of the level that holds the node; null when the node lies outside the level.
function itemOn(level, node) {
  if (node.block === level.index) return node;
  let at = node.block;
  while (at >= 0 && M.blocks[at].parent !== level.index) at = M.blocks[at].parent;
  return at >= 0 ? M.blocks[at] : null;
}

// Ports for what comes from outside, then the items; edges by their places in that list.
function layOut(level) {
  const rows = [];
  const placeOf = new Map();
  const ports = new Map();
  const edges = new Map();
  const reads = [];
  for (const item of level.items) {
    for (const node of nodesIn(item)) {
      for (const name of node.in) {
        if (name === "" || weightOf.has(name)) continue;
        const made = maker.get(name);
        const from = made === undefined ? null : itemOn(level, M.nodes[made]);
        if (from === item) continue;
        if (from === null && !ports.has(name)) ports.set(name, { port: name });
        reads.push({ from: from || ports.get(name), to: item, name });
      }
    }
  }
  rows.push(...ports.values(), ...skipFirst(level, reads));
  rows.forEach((row, place) => placeOf.set(row, place));
  for (const read of reads) {
    const from = placeOf.get(read.from);
    const to = placeOf.get(read.to);
    edges.set(`${from}>${to}>${read.name}`, { from, to, name: read.name });
  }
  return { rows, edges: [...edges.values()] };
}

// Side edges get lanes so that none lie on one another, as long as there is room.
const LANES = 6;
const LANE = 11;

function assignLanes(edges) {
  const side = edges.filter((edge) => edge.to !== edge.from + 1);
  side.sort((a, b) => (a.to - a.from) - (b.to - b.from) || a.from - b.from);
  const taken = [];
  for (const edge of side) {
    const low = Math.min(edge.from, edge.to);
    const high = Math.max(edge.from, edge.to);
    const meets = (span) => span[0] < high && low < span[1];
    let lane = 0;
    while (lane < LANES - 1 && (taken[lane] || []).some(meets)) lane++;
    (taken[lane] = taken[lane] || []).push([low, high]);
    edge.lane = lane;
  }
  return { side, lanes: taken.length };
}

function labelOf(row) {
  if (row.port !== undefined) return row.port;
  return row.kind ? row.name : `${row.op} ${row.name}`;
}

// What an item of the level is made from, as a map from item to the items that it reads.
function sourcesOf(reads) {
  const sources = new Map();
  for (const read of reads) {
    if (!sources.has(read.to)) sources.set(read.to, new Set());
    sources.get(read.to).add(read.from);
  }
  return sources;
}

// Of a block with an addition: the addition and the items of the skip path, the shorter of the two
// ways to it.
function skipOf(level, reads) {
  if (level.index < 0 || !level.skip) return null;
  const sources = sourcesOf(reads);
  const adds = level.items.filter((item) => !item.kind && (item.op === "Add" || item.op === "Sum"));
  const add = adds[adds.length - 1];
  if (!add || !sources.has(add)) return null;
  const ways = [...sources.get(add)].map((from) => {
    const way = new Set();
    const open = [from];
    while (open.length) {
      const next = open.pop();
      if (way.has(next) || next.port !== undefined) continue;
      way.add(next);
      open.push(...(sources.get(next) || []));
    }
    return { from, way };
  });
  if (ways.length < 2) return null;
  ways.sort((a, b) => a.way.size - b.way.size);
  return { add, from: ways[0].from, way: ways[0].way };
}

// The skip path stands before the main path, so that it shows as a wire along it.
function skipFirst(level, reads) {
  const skip = skipOf(level, reads);
  level.skipWay = skip;
  if (!skip) return level.items;
  const first = level.items.filter((item) => skip.way.has(item));
  return [...first, ...level.items.filter((item) => !skip.way.has(item))];
}

const CHUNK = 300;
const drawn = new Map();  // block index (-1: the whole graph) -> state of its level on the page

function showLevel(level, parent) {
  const { rows, edges } = layOut(level);
  const { side, lanes } = assignLanes(edges);
  const list = make("ol", "level");
  const svg = draw("svg", {}, list);
  list.style.paddingLeft = `${lanes ? lanes * LANE + 12 : 0}px`;
  const state = { level, rows, side, lanes, list, svg, cells: [], shown: 0, down: new Map(), more: null };
  state.into = new Map();
  for (const edge of edges) {
    if (edge.to === edge.from + 1) state.down.set(edge.to, edge);
  }
  for (const edge of side) {
    if (!state.into.has(edge.to)) state.into.set(edge.to, []);
    state.into.get(edge.to).push(edge);
  }
  drawn.set(level.index, state);
  parent.append(list);
  showRows(state, CHUNK);
  resized.observe(list);
  return state;
}

function showRows(state, upTo) {
  const end = Math.min(state.rows.length, upTo);
  if (state.more) state.more.remove();
  state.more = null;
  for (; state.shown < end; state.shown++) showRow(state, state.shown);
  if (end < state.rows.length) {
    state.more = make("button", "more", `${grouped(state.rows.length - end)} more`);
    state.more.type = "button";
    state.more.addEventListener("click", () => showRows(state, state.shown + CHUNK));
    state.list.after(state.more);
    coming.observe(state.more);
  }
  drawWires(state);
}

// What reaches a row: the wire from the row before it, and a line for each side wire.
function edgeAbove(state, place) {
  const down = state.down.get(place);
  const side = state.into.get(place) || [];
  const box = make("div", down ? "edge on" : "edge");
  if (down) box.append(make("div", "", times(shapeOf.get(down.name))));
  for (const edge of side.slice(0, 8)) {
    const skip = isSkip(state, edge);
    const shape = times(shapeOf.get(edge.name));
    const from = labelOf(state.rows[edge.from]);
    box.append(make("div", skip ? "side skip" : "side",
      `↳ ${skip ? "skip " : ""}from ${from}${shape ? `, ${shape}` : ""}`));
  }
  if (side.length > 8) box.append(make("div", "side", `↳ and ${side.length - 8} more`));
  return box;
}

function showRow(state, place) {
  const row = state.rows[place];
  const cell = make("li");
  const down = state.down.get(place);
  cell.append(edgeAbove(state, place));
  const body = row.port !== undefined ? portCell(row) : row.kind ? blockCell(row) : nodeCell(row);
  cell.append(body);
  state.cells[place] = body;
  state.list.append(cell);
}

function isSkip(state, edge) {
  const skip = state.level.skipWay;
  return Boolean(skip) && state.rows[edge.to] === skip.add && state.rows[edge.from] === skip.from;
}

function drawWires(state) {
  const { svg, list, cells } = state;
  svg.replaceChildren();
  if (!state.lanes) return;
  const origin = list.getBoundingClientRect();
  const left = state.lanes * LANE + 12;
  svg.setAttribute("width", left);
  svg.setAttribute("height", origin.height);
  const boxes = new Map();
  const box = (place) => {
    if (!boxes.has(place)) boxes.set(place, cells[place] ? cells[place].getBoundingClientRect() : null);
    return boxes.get(place);
  };
  for (const edge of state.side) {
    const a = box(edge.from);
    const b = box(edge.to);
    if (!a && !b) continue;
    const y1 = a ? a.bottom - origin.top - Math.min(9, a.height / 2) : origin.height;
    const y2 = b ? b.top - origin.top + Math.min(14, b.height / 2) : origin.height;
    const x = left - 7 - (edge.lane + 1) * LANE;
    const bend = Math.min(7, Math.abs(y2 - y1) / 2);
    const way = y2 > y1 ? 1 : -1;
    const kind = isSkip(state, edge) ? " skip" : "";
    const path = draw("path", { class: `wire${kind}`, d:
      `M${left} ${y1}H${x + bend}Q${x} ${y1} ${x} ${y1 + way * bend}V${y2 - way * bend}` +
      `Q${x} ${y2} ${x + bend} ${y2}H${left - 5}` }, svg);
    draw("title", {}, path).textContent = `${edge.name} ${times(shapeOf.get(edge.name))}`;
    draw("path", { class: `tip${kind}`, d: `M${left} ${y2}l-7 -4v8z` }, svg);
  }
}

const waiting = new Set();
const resized = new ResizeObserver((entries) => {
  for (const entry of entries) waiting.add(entry.target);
  requestAnimationFrame(() => {
    for (const state of drawn.values()) if (waiting.has(state.list)) drawWires(state);
    waiting.clear();
  });
});
const coming = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) entry.target.click();
}, { rootMargin: "600px" });

// ---- Cells --------------------------------------------------------------------------------------

const cellOf = new Map();  // block or node -> its box

function portCell(row) {
  return make("span", "port", row.port);
}

function nodeCell(node) {
  const cell = make("div", node.unknown ? "node unknown" : "node");
  const button = make("button");
  button.type = "button";
  button.append(make("span", "op", node.op), make("span", "name mono", node.name));
  button.addEventListener("click", () => choose(node));
  cell.append(button);
  for (const name of node.in) if (weightOf.has(name)) cell.append(weightButton(name));
  cellOf.set(node, cell);
  return cell;
}

function weightButton(name) {
  const weight = weightOf.get(name);
  const button = make("button", "weight mono", times(weight.shape) || "weight");
  button.type = "button";
  button.title = name;
  button.addEventListener("click", () => chooseWeight(weight));
  return button;
}

function blockCell(block) {
  const cell = make("div", `block k-${block.kind}`);
  const head = make("div", "top");
  const twist = make("button", "twist");
  twist.type = "button";
  twist.setAttribute("aria-expanded", "false");
  twist.setAttribute("aria-label", `Open ${block.kind} ${block.name}`);
  const about = make("button", "about");
  about.type = "button";
  const title = make("span");
  title.append(make("span", "kind", block.kind), " ", make("span", "name mono", block.name));
  about.append(title, make("span", "line", wordsOf(block)));
  const answers = answersOf(block);
  if (answers) about.append(make("span", "line", answers));
  const tally = make("div", "tally");
  tally.append(make("div", "", `${amount(block.parameters)} parameters`));
  if (block.macs !== undefined) tally.append(make("div", "", `${amount(block.macs)} MACs`));
  head.append(twist, about, pictureOf(block), tally);
  const inner = make("div", "inner");
  inner.hidden = true;
  cell.append(head, inner);
  twist.addEventListener("click", () => openBlock(block, inner.hidden));
  about.addEventListener("click", () => choose(block));
  about.addEventListener("dblclick", () => openBlock(block, inner.hidden));
  Object.assign(block, { twist, inner });
  cellOf.set(block, cell);
  return cell;
}

function openBlock(block, wanted) {
  if (wanted && !drawn.has(block.index)) showLevel(block, block.inner);
  block.inner.hidden = !wanted;
  block.twist.setAttribute("aria-expanded", String(wanted));
  block.twist.setAttribute("aria-label", `${wanted ? "Close" : "Open"} ${block.kind} ${block.name}`);
}

// Opens all that holds the item and brings it onto the page.
function reveal(item) {
  const way = [];
  for (let at = item.kind ? item.parent : item.block; at >= 0; at = M.blocks[at].parent) way.unshift(M.blocks[at]);
  let state = drawn.get(-1);
  for (const next of [...way, item]) {
    const place = state.rows.indexOf(next);
    if (place >= state.shown) showRows(state, place + 20);
    if (next === item) break;
    openBlock(next, true);
    state = drawn.get(next.index);
  }
  const cell = cellOf.get(item);
  if (cell) cell.scrollIntoView({ block: "center" });
}

// ---- Details ------------------------------------------------------------------------------------

const panel = document.getElementById("details");
const main = document.querySelector("main");
let chosen = null;

function openPanel(title, subtitle) {
  const close = make("button", "", "✕");
  close.id = "close";
  close.type = "button";
  close.setAttribute("aria-label", "Close the details");
  close.addEventListener("click", closePanel);
  panel.replaceChildren(close, make("h2", "", title));
  if (subtitle) panel.append(make("div", "name mono", subtitle));
  panel.hidden = false;
  panel.scrollTop = 0;
  main.classList.add("open");
}

function closePanel() {
  panel.hidden = true;
  main.classList.remove("open");
  mark(null);
}

function mark(item) {
  if (chosen && cellOf.has(chosen)) cellOf.get(chosen).classList.remove("chosen");
  chosen = item;
  if (item && cellOf.has(item)) cellOf.get(item).classList.add("chosen");
}

function table(rows) {
  const element = make("table");
  for (const [head, ...cells] of rows) {
    const line = make("tr");
    line.append(make("th", "", head));
    for (const cell of cells) {
      const box = make("td");
      box.append(cell instanceof Node ? cell : document.createTextNode(String(cell)));
      line.append(box);
    }
    element.append(line);
  }
  return element;
}

function choose(item) {
  mark(item);
  if (item.kind) blockDetails(item); else nodeDetails(item);
}

function blockDetails(block) {
  openPanel(block.kind, block.name);
  const rows = [["channels", channelsOf(block)]];
  const add = (head, value) => { if (value !== undefined && value !== null && value !== "") rows.push([head, value]); };
  if (block.height) add("kernel", `${block.height} × ${block.width}`);
  add("stride", block.stride);
  if (block.groups > 1) add("groups", block.groups);
  add("norm", block.norm);
  add("activation", block.activation);
  if (block.skip) {
    add("skip path", block.skip === "projection" ? `projection: ${block.skip_of}` : block.skip);
    add("F(x) runs", block.order ? orders[block.order] : "kept as nodes");
    add("after the addition", block.after_add === "none" ? "nothing" : block.after_add);
  }
  if (block.hidden) add("squeeze-excite", `${block.hidden} hidden, ${block.se_activation}, gate ${block.se_gate}`);
  add("form", block.form);
  add("parameters", grouped(block.parameters));
  if (block.macs !== undefined) add("multiply-adds", grouped(block.macs));
  add("output", times(block.shape));
  add("reads", block.entry);
  add("makes", block.exit);
  add("nodes", grouped(block.count));
  panel.append(table(rows.filter((row) => row[1] !== "")));
}

function valueCell(name) {
  const box = make("span");
  if (weightOf.has(name)) {
    const button = make("button", "weight mono", name);
    button.type = "button";
    button.addEventListener("click", () => chooseWeight(weightOf.get(name)));
    box.append(button);
  } else if (maker.has(name)) {
    const button = make("button", "weight mono", name);
    button.type = "button";
    button.addEventListener("click", () => { const node = M.nodes[maker.get(name)]; reveal(node); choose(node); });
    box.append(button);
  } else {
    box.append(make("span", "mono", name === "" ? "(left out)" : name));
  }
  const shape = weightOf.has(name) ? weightOf.get(name).shape : shapeOf.get(name);
  if (shape) box.append(make("div", "name", times(shape)));
  return box;
}

function attributeText(attribute) {
  if (attribute.text !== undefined) return attribute.text;
  if (attribute.values === undefined) return attribute.type;
  const text = attribute.values.map(short).join(", ");
  return attribute.more ? `${text}, and ${attribute.more} more` : text;
}

function nodeDetails(node) {
  openPanel(node.domain ? `${node.domain}.${node.op}` : node.op, node.name);
  if (node.unknown) panel.append(make("p", "", "Blok does not know this operator: the model cannot be run."));
  if (node.attributes && node.attributes.length) {
    panel.append(make("h3", "", "Attributes"));
    panel.append(table(node.attributes.map((attribute) => {
      if (!attribute.tensor) return [attribute.name, attributeText(attribute)];
      const button = make("button", "weight", `tensor ${times(attribute.tensor.shape)}`);
      button.type = "button";
      button.addEventListener("click", () => chooseWeight(Object.assign({ name: attribute.name }, attribute.tensor)));
      return [attribute.name, button];
    })));
  }
  panel.append(make("h3", "", "Inputs"), table(node.in.map((name, slot) => [slot, valueCell(name)])));
  panel.append(make("h3", "", "Outputs"), table(node.out.map((name, slot) => [slot, outputCell(name)])));
}

function outputCell(name) {
  const box = make("span");
  box.append(make("span", "mono", name === "" ? "(left out)" : name));
  const shape = times(shapeOf.get(name));
  if (shape) box.append(make("div", "name", shape));
  if (outputs.has(name)) box.append(make("div", "name", "an output of the graph"));
  return box;
}

function chooseWeight(weight) {
  openPanel("weight", weight.name);
  const rows = [["shape", times(weight.shape)]];
  if (weight.type) rows.push(["type", weight.type]);
  if (weight.bytes !== undefined) rows.push(["size", bytesText(weight.bytes)]);
  if (weight.file) rows.push(["file", weight.file]);
  if (weight.node) rows.push(["made by", weight.node.op]);
  if (weight.unread) rows.push(["not read", weight.unread]);
  if (weight.min !== undefined) {
    rows.push(["min", short(weight.min)], ["max", short(weight.max)]);
    rows.push(["mean", short(weight.mean)], ["std", short(weight.std)], ["zeros", grouped(weight.zeros)]);
    if (weight.nan) rows.push(["NaN", grouped(weight.nan)]);
    if (weight.inf) rows.push(["infinite", grouped(weight.inf)]);
  }
  if (weight.values) rows.push(["values", weight.values.map(short).join(", ")]);
  panel.append(table(rows));
  if (weight.bars && weight.bars.some((bar) => bar > 0)) panel.append(histogram(weight));
}

function histogram(weight) {
  const box = make("div");
  const most = Math.max(...weight.bars);
  const svg = draw("svg", { class: "bars", viewBox: `0 0 ${weight.bars.length * 10} 84`, preserveAspectRatio: "none",
    role: "img", "aria-label": `Histogram from ${short(weight.min)} to ${short(weight.max)}` });
  weight.bars.forEach((bar, i) => {
    const height = bar ? Math.max(1.5, (bar / most) * 82) : 0;
    const shape = draw("rect", { x: i * 10 + 0.5, y: 84 - height, width: 9, height }, svg);
    draw("title", {}, shape).textContent = grouped(bar);
  });
  const axis = make("div", "axis");
  axis.append(make("span", "", short(weight.min)), make("span", "", short(weight.max)));
  box.append(make("h3", "", "Histogram"), svg, axis);
  return box;
}

// ---- Search -------------------------------------------------------------------------------------

const query = document.getElementById("query");
const matches = document.getElementById("matches");
let hits = [];
let hitAt = -1;
let lit = null;

function find(text) {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return [];
  const has = (...names) => names.some((name) => name && String(name).toLowerCase().includes(wanted));
  const found = [];
  for (const block of M.blocks) if (block.count && has(block.kind, block.name, block.form)) found.push([block.first, block]);
  for (const node of M.nodes) {
    if (!node.constant && has(node.op, node.name, ...node.out, ...node.in.filter((name) => weightOf.has(name)))) {
      found.push([node.index + 0.5, node]);
    }
  }
  return found.sort((a, b) => a[0] - b[0]).map((pair) => pair[1]);
}

function light(item) {
  if (lit) lit.classList.remove("found");
  lit = item ? cellOf.get(item) : null;
  if (lit) lit.classList.add("found");
}

query.addEventListener("input", () => {
  hits = find(query.value);
  hitAt = -1;
  light(null);
  matches.textContent = query.value.trim() === "" ? "" : hits.length === 0 ? "nothing" : `${grouped(hits.length)} found`;
});

document.getElementById("search").addEventListener("submit", (event) => {
  event.preventDefault();
  if (hits.length === 0) return;
  hitAt = (hitAt + 1) % hits.length;
  matches.textContent = `${hitAt + 1} of ${grouped(hits.length)}`;
  reveal(hits[hitAt]);
  choose(hits[hitAt]);
  light(hits[hitAt]);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !panel.hidden) closePanel();
  if (event.key === "/" && document.activeElement !== query) { event.preventDefault(); query.focus(); }
});

// ---- Head and foot ------------------------------------------------------------------------------

function showHead() {
  const model = M.model;
  document.getElementById("title").textContent = model.file;
  const facts = document.getElementById("facts");
  const say = (text, strong) => facts.append(facts.childNodes.length ? " · " : "", make(strong ? "b" : "span", "", text));
  say(`${amount(model.parameters)} parameters`, true);
  if (model.macs !== undefined) say(`${amount(model.macs)} multiply-adds`, true);
  if (model.producer) say(model.producer);
  say(`opset ${model.opset}`);
  say(`${grouped(M.nodes.length)} nodes`);
  const kinds = new Map();
  for (const block of M.blocks) {
    if (block.kind !== "conv_norm_act" || block.parent < 0) kinds.set(block.kind, (kinds.get(block.kind) || 0) + 1);
  }
  for (const [kind, count] of kinds) say(`${count} ${kind}`);
  const why = document.getElementById("why");
  why.hidden = !model.why;
  why.textContent = model.why ? `Cannot be run, shown as the file says: ${model.why}` : "";
}

function addList(title, heads, rows) {
  if (rows.length === 0) return;
  const box = make("details");
  box.append(make("summary", "", title));
  const element = make("table");
  const head = make("tr");
  for (const text of heads) head.append(make("th", "", text));
  element.append(head);
  for (const row of rows.slice(0, 500)) {
    const line = make("tr");
    for (const cell of row) line.append(make("td", "", cell));
    element.append(line);
  }
  box.append(element);
  if (rows.length > 500) box.append(make("p", "name", `and ${grouped(rows.length - 500)} more`));
  document.getElementById("lists").append(box);
}

function showLists() {
  const valueRow = (value) => [value.name, value.type, times(value.shape)];
  addList(`Inputs and outputs`, ["", "name", "type", "shape"], [
    ...M.inputs.map((value) => ["in", ...valueRow(value)]),
    ...M.outputs.map((value) => ["out", ...valueRow(value)])]);
  const loose = new Map();
  for (const node of whole.items) if (!node.kind) loose.set(node.op, (loose.get(node.op) || 0) + 1);
  addList("Outside every block", ["operator", "count"], [...loose].sort((a, b) => b[1] - a[1]));
  addList(`Nearly a block (${M.misses.length})`, ["kind", "at", "condition", "got", "wanted"],
    M.misses.map((miss) => [miss.kind, miss.node, miss.condition, miss.got, miss.want]));
}

showHead();
showLevel(whole, document.getElementById("graph"));
showLists();
document.documentElement.dataset.ready = "yes";
