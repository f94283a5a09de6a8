// How fast a run was: nobody measures it, but what a step takes and when it was taken tell.

const PARTS = 300; // of the time looked at: the steps of one are counted together, for single ones are told in clumps

/** The curve of units a second, from that of units a step. */
export function speedOf({ steps, seconds, values }) {
  const speed = { steps: [], seconds: seconds && [], values: [] };
  if (!seconds?.length) return speed;
  const least = (seconds.at(-1) - seconds[0]) / PARTS;
  let from = 0;
  for (let at = 1; at < steps.length; at++) {
    const passed = seconds[at] - seconds[from];
    if (passed <= 0 || passed < least) continue;
    speed.steps.push(steps[at]);
    speed.seconds.push(seconds[at]);
    speed.values.push(((steps[at] - steps[from]) * usual(values, from, at)) / passed);
    from = at;
  }
  return speed;
}

/** Of the units of some steps the median: the last batch of an epoch is smaller, and thinning keeps just such points. */
function usual(values, from, to) {
  const some = values.slice(from, to + 1).sort((a, b) => a - b);
  return some[some.length >> 1];
}
