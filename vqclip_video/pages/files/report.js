"use strict";
// The curves' table: one row a captured frame, in order; scenes in frames.
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const at = (id) => document.getElementById(id);
const curves = read("curves");
const COLOURS = 8, MOST_LINES = 24;
const root = getComputedStyle(document.documentElement);
const colour = (name) => root.getPropertyValue(name).trim();
const sceneColour = (scene) => `--s${scene % COLOURS}`;
const last = Math.max(curves.frames - 1, 0);
const watchers = [];  // told the frame that is shown
let shown = -1;

function show(frame) {
  if (frame === shown) return;
  shown = frame;
  for (const watcher of watchers) watcher(frame);
}

function sceneAt(frame) {
  const found = curves.scenes.findIndex((scene) => frame < scene.start + scene.frames);
  return found < 0 ? curves.scenes.length - 1 : found;
}

function clock(seconds) {
  const minutes = Math.floor(seconds / 60);
  return `${minutes}:${(seconds - 60 * minutes).toFixed(2).padStart(5, "0")}`;
}

// The index of the last row that is not after a frame; -1 where there is none.
function rowAt(frame) {
  const frames = curves.frame;
  let low = 0, high = frames.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (frames[middle] <= frame) low = middle + 1; else high = middle;
  }
  return low - 1;
}

// --- what holds at the frame shown

function values(row) {
  const found = [["similarity", curves.similarity[row]]];
  for (const [name, values] of Object.entries(curves.similarities)) found.push([name, values[row]]);
  for (const [name, values] of Object.entries(curves.losses)) found.push([`loss ${name}`, values[row]]);
  return found.filter(([, value]) => typeof value === "number");
}

watchers.push((frame) => {
  const scene = sceneAt(frame), row = rowAt(frame);
  at("now-scene").textContent = `scene ${scene + 1} of ${curves.scenes.length}`;
  at("now-prompt").textContent = curves.scenes[scene].prompt;
  const list = at("now-values");
  list.replaceChildren();
  if (row < 0) return;
  for (const [name, value] of values(row)) {
    const term = document.createElement("dt"), text = document.createElement("dd");
    term.textContent = name;
    text.textContent = value.toFixed(3);
    list.append(term, text);
  }
});

// --- the timeline

function playhead(parent) {
  const line = document.createElement("div");
  line.className = "playhead";
  parent.append(line);
  return line;
}

const timeline = at("timeline");
curves.scenes.forEach((scene, index) => {
  const block = document.createElement("div"), words = document.createElement("span");
  block.className = "scene";
  block.title = scene.prompt;
  block.style.flex = `${scene.frames} ${scene.frames} 0`;
  block.style.background = `var(${sceneColour(index)})`;
  if (index && scene.travel) {
    const travel = document.createElement("div");
    travel.className = "travel";
    travel.style.width = `${100 * scene.travel / scene.frames}%`;
    travel.style.background = `linear-gradient(90deg, var(${sceneColour(index - 1)}), transparent)`;
    block.append(travel);
  }
  words.textContent = scene.prompt;
  block.append(words);
  timeline.append(block);
});
const timelineHead = playhead(timeline);
watchers.push((frame) => {
  timelineHead.style.left = `${100 * (frame + 0.5) / curves.frames}%`;
  timeline.setAttribute("aria-valuenow", frame);
  timeline.setAttribute("aria-valuetext", `${clock(frame / curves.fps)}, ${curves.scenes[sceneAt(frame)].prompt}`);
});

function frameUnder(event) {
  const box = timeline.getBoundingClientRect();
  const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  return Math.min(Math.floor(share * curves.frames), last);
}

let seek = show;  // whoever has a film replaces it
timeline.addEventListener("pointerdown", (event) => {
  timeline.setPointerCapture(event.pointerId);
  seek(frameUnder(event));
});
timeline.addEventListener("pointermove", (event) => {
  if (event.buttons & 1) seek(frameUnder(event));
});

// --- the curves

const charts = [];

function chart(id, series, range) {
  const place = at(id);
  const axis = (more) => ({
    stroke: () => colour("--faint"), font: "12px system-ui, sans-serif",
    grid: { stroke: () => colour("--line"), width: 1 }, ticks: { stroke: () => colour("--line"), width: 1 }, ...more,
  });
  const plot = new uPlot({
    width: place.clientWidth || 600, height: 230,
    scales: { x: { time: false, range: () => [0, curves.frames / curves.fps] }, y: range ? { range } : {} },
    axes: [axis({ values: (_, ticks) => ticks.map((tick) => `${+tick.toFixed(2)} s`) }), axis({ size: 52 })],
    series: [{ label: "time", value: (_, value) => (value == null ? "" : clock(value)) }, ...series.map((each) => ({
      label: each.label, stroke: () => colour(each.colour), width: 2, spanGaps: false, dash: each.dash,
      points: { show: curves.frame.length < 3 }, value: (_, value) => (value == null ? "" : value.toFixed(3)),
    }))],
    cursor: { sync: { key: "film" }, drag: { x: false, y: false }, points: { size: 6 } },
    hooks: { drawClear: [borders] },
  }, rows(series), place);
  const head = playhead(plot.over);
  plot.over.addEventListener("click", (event) => {
    const seconds = plot.posToVal(event.clientX - plot.over.getBoundingClientRect().left, "x");
    seek(Math.min(Math.max(Math.floor(seconds * curves.fps), 0), last));
  });
  const move = () => {
    head.style.left = `${plot.valToPos((Math.max(shown, 0) + 0.5) / curves.fps, "x")}px`;
  };
  watchers.push(move);
  new ResizeObserver(() => { plot.setSize({ width: place.clientWidth, height: 230 }); move(); }).observe(place);
  charts.push({ plot, series });
}

// A line where each scene begins.
function borders(plot) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = colour("--line");
  for (const scene of curves.scenes.slice(1)) {
    ctx.fillRect(Math.round(plot.valToPos(scene.start / curves.fps, "x", true)), bbox.top, devicePixelRatio, bbox.height);
  }
  ctx.restore();
}

const seconds = () => curves.frame.map((frame) => frame / curves.fps);
const rows = (series) => [seconds(), ...series.map((each) => each.values())];

// A line for each scene: to its own target where that is known, else to that of the moment.
function ofScenes() {
  if (curves.scenes.length > MOST_LINES) {
    return [{ label: "similarity", colour: "--s0", values: () => curves.similarity }];
  }
  return curves.scenes.map((scene, index) => ({
    label: short(`${index + 1} ${scene.prompt}`), colour: sceneColour(index),
    values: () => curves.frame.map((_, row) => {
      const known = curves.toward[row];
      if (known) return known[index] ?? null;
      return curves.scene[row] === index ? curves.similarity[row] : null;
    }),
  }));
}

const short = (text) => (text.length > 34 ? `${text.slice(0, 33)}…` : text);
chart("similarity", ofScenes());
chart("losses", Object.keys(curves.losses).map((name, index) => ({
  label: name, colour: sceneColour(index), values: () => curves.losses[name],
})));

function redraw() {
  for (const { plot, series } of charts) plot.setData(rows(series));
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

// --- the rest

for (const dot of document.querySelectorAll(".dot")) dot.style.background = `var(${sceneColour(+dot.dataset.scene)})`;
for (const still of document.querySelectorAll("[data-frame]")) {
  still.addEventListener("click", () => { seek(+still.dataset.frame); });
}
for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", () => {
    const range = document.createRange();
    range.selectNodeContents(at(button.dataset.copies));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    // A page of a disk may use no other way in every browser.
    button.textContent = document.execCommand("copy") ? "copied" : "selected";
  });
}
