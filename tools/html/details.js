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
  add("norm", block.norm_groups ? `${block.norm}, ${block.norm_groups} groups` : block.norm);
  add("activation", block.activation);
  if (block.skip) {
    add("skip path", block.skip === "projection" ? `projection: ${block.skip_of}` : block.skip);
    add("F(x) runs", block.order ? orders[block.order] : "kept as nodes");
    add("after the addition", block.after_add === "none" ? "nothing" : block.after_add);
    add("drop path", block.drop_path);
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
