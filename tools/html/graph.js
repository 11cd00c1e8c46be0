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
