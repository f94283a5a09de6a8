// A line of a chart: what the silo has told of a metric, and the curve that is drawn of it.

import { append } from './curve.js';
import { speedOf } from './speed.js';

/** Takes what the silo tells of a whole line, or of a part of it; nothing where it knows no such metric. */
export function fill(line, told = { steps: [], seconds: [], values: [] }, stepsPerEpoch) {
  Object.assign(line, line.isSpeed ? speedOf(told) : told, { told, stepsPerEpoch });
}

/** Takes a point more. */
export function grow(line, step, seconds, value) {
  append(line.told, step, seconds, value);
  if (line.isSpeed) Object.assign(line, speedOf(line.told));
}

/** Whether a value is that of an earlier step: the silo tells the latest of each metric, also of those that are measured now and then. */
export function isOld({ told: { steps, values } }, value, most) {
  return steps.length < most / 2 && value === values.at(-1);
}
