"use strict";
// The film of a finished run: what it shows is what the report speaks of.
const film = at("film");
const still = () => film.paused || film.ended;
// Of a film that goes back after its end, the frame that it shows again.
const frameNow = () => {
  const frame = Math.floor(film.currentTime * curves.fps + 1e-3);
  return frame > last ? Math.max(Math.min(2 * last - frame, last), 0) : frame;
};

// To the middle of a frame, so that rounding does not lead to its neighbour.
seek = (frame) => {
  film.currentTime = (frame + 0.5) / curves.fps;
  show(frame);
};

function step(by) {
  film.pause();
  seek(Math.min(Math.max(shown + by, 0), last));
}

function follow() {
  if (!film.seeking) show(frameNow());
  if (!still()) requestAnimationFrame(follow);
}

const toggle = () => (still() ? film.play().catch(() => {}) : film.pause());
film.addEventListener("play", () => { at("play").textContent = "Pause"; follow(); });
film.addEventListener("pause", () => { at("play").textContent = "Play"; });
film.addEventListener("seeked", () => { if (still()) show(frameNow()); });
film.addEventListener("error", () => { at("lacking").hidden = false; });
if (film.error) at("lacking").hidden = false;
film.addEventListener("click", toggle);
at("play").addEventListener("click", toggle);
at("back").addEventListener("click", () => step(-1));
at("on").addEventListener("click", () => step(1));
watchers.push((frame) => {
  at("frame").textContent = frame + 1;
  at("clock").textContent = clock(frame / curves.fps);
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === " " && event.target.tagName !== "BUTTON") toggle();
  else if (event.key === "ArrowLeft") step(-1);
  else if (event.key === "ArrowRight") step(1);
  else return;
  event.preventDefault();
});
show(0);
