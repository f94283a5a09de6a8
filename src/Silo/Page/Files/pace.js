// When work is done: not more often than an eye can follow.

/** An action that runs at once, and then at most once in so many milliseconds, the last call always included. */
export function atMost(milliseconds, action) {
  let timer = 0, ran = -Infinity;
  const run = () => {
    timer = 0;
    ran = performance.now();
    action();
  };
  const call = () => {
    timer ||= setTimeout(run, Math.max(0, ran + milliseconds - performance.now()));
  };
  call.stop = () => clearTimeout(timer);
  return call;
}

const BUDGET = 8; // ms of a frame for drawing; what does not fit waits for the next
const waiting = new Set();

/** Draws once in the next frame, or in one soon after if there is much to draw. */
export function inFrame(draw) {
  if (!waiting.size) requestAnimationFrame(frame);
  waiting.add(draw);
}

function frame() {
  const end = performance.now() + BUDGET;
  for (const draw of [...waiting]) {
    waiting.delete(draw);
    draw();
    if (performance.now() > end) break;
  }
  if (waiting.size) requestAnimationFrame(frame);
}
