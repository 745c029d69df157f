"use strict";
// The film while it grows: rows come one by one, and the newest frame is shown.
const began = performance.now(), first = +at("done").value, total = +at("done").max;

function add(record) {
  const names = Object.keys(record.losses);
  // What a line is drawn for was settled when the page was made.
  if (names.some((name) => !(name in curves.losses))) return location.reload();
  for (const column of ["frame", "scene", "similarity"]) curves[column].push(record[column] ?? null);
  curves.toward.push(record.scenes ?? null);
  for (const key of ["losses", "similarities"]) {
    for (const [name, values] of Object.entries(curves[key])) values.push(record[key]?.[name] ?? null);
  }
}

function reached(iteration) {
  at("done").value = iteration;
  at("iteration").textContent = iteration;
  const speed = (iteration - first) / (performance.now() - began);
  if (speed > 0) at("left").textContent = `${clock((total - iteration) / speed / 1000).slice(0, -3)} left`;
}

let waiting = false;
function draw() {
  waiting = false;
  const frame = curves.frame[curves.frame.length - 1];
  redraw();
  shown = -1;
  show(frame);
  at("newest").src = `frame.jpg?${frame}`;
}

const ENDS = {
  stopped: "stopped and saved; the same command goes on", finished: "finished; the report lies beside the film",
  there: "finished already", failed: "it has ended; the terminal says why",
};
const events = new EventSource(`events?from=${curves.frame.length}`);
events.addEventListener("frame", (event) => {
  const record = JSON.parse(event.data);
  add(record);
  reached(record.iteration);
  if (!waiting) { waiting = true; requestAnimationFrame(draw); }
});
events.addEventListener("end", (event) => {
  events.close();
  at("state").textContent = ENDS[JSON.parse(event.data)];
  at("stop").disabled = true;
});
events.addEventListener("error", () => {
  events.close();  // what was told once is not to be told again
  if (!at("stop").disabled) at("state").textContent = "the render does not answer any more";
});
at("stop").addEventListener("click", () => {
  at("stop").disabled = true;
  at("state").textContent = "stopping after this step";
  fetch("stop", { method: "POST" });
});
if (curves.frame.length) draw(); else show(0);
