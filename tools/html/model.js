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
  // What would be shown as 1.00e+3 is one of the next unit.
  while (number >= (unit ? 999.5 : 1000) && unit < 4) { number /= 1000; unit++; }
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
  if (block.norm && block.norm !== "none") words.push(`${block.norm} norm${block.norm_groups ? ` ${block.norm_groups}` : ""}`);
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
