// A curve: what a metric of a run was at its steps. { run, metric, label, colour, steps, seconds, values, told, stepsPerEpoch, best: 'lowest' | 'highest' | null }

const UNITS = 500;

/** The places of the points on the x axis. */
export function abscissas(curve, by) {
  if (by === 'time') return curve.seconds ?? [];
  return by === 'epoch' ? curve.steps.map(step => step / (curve.stepsPerEpoch || 1)) : curve.steps;
}

/** Adds a point; a run that has gone back to an earlier step takes back what came after it. */
export function append(curve, step, seconds, value) {
  const keep = curve.steps.length && step <= curve.steps.at(-1) ? indexAt(curve.steps, step) : curve.steps.length;
  for (const numbers of [curve.steps, curve.seconds, curve.values]) if (numbers) numbers.length = keep;
  curve.steps.push(step);
  curve.seconds?.push(seconds);
  curve.values.push(value);
}

/** The first index whose number is not below that asked for. */
export function indexAt(numbers, wanted) {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The index of the point nearest to a place. */
export function nearest(numbers, wanted) {
  const at = indexAt(numbers, wanted);
  return at > 0 && (at === numbers.length || wanted - numbers[at - 1] < numbers[at] - wanted) ? at - 1 : at;
}

/**
 * An exponential moving average, freed from the bias of its beginning. The weight is that from one part in 500 of the axis to the next, so that
 * curves of few points are smoothed as little as they deserve, and the picture does not depend on how many points were left out.
 */
export function smoothed(places, values, weight) {
  if (!(weight > 0) || values.length < 3) return values;
  const unit = (places.at(-1) - places[0]) / UNITS || 1;
  const result = new Array(values.length);
  let sum = 0, whole = 0;
  for (let at = 0; at < values.length; at++) {
    const fade = at ? weight ** ((places[at] - places[at - 1]) / unit) : 0;
    sum = sum * fade + values[at] * (1 - weight);
    whole = whole * fade + (1 - weight);
    result[at] = sum / whole;
  }
  return result;
}

/** The index of the best point, or -1. */
export function best(curve) {
  if (!curve.best) return -1;
  let at = -1;
  curve.values.forEach((value, index) => {
    if (at < 0 || (curve.best === 'lowest' ? value < curve.values[at] : value > curve.values[at])) at = index;
  });
  return at;
}
