// From values to places on an axis, and the values worth a label.

import { count, duration, number } from './format.js';

const DAY = 86400;
const MOMENTS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, DAY];

/** An axis over a range: place(value) and at(place) with 0 for its beginning and 1 for its end, and ticks as [value, label]. */
export function axis(from, to, { most = 6, logarithmic = false, time = false } = {}) {
  // What differs by rounding alone is a level line.
  if (!(to - from > Math.abs(to) * 1e-9)) [from, to] = [from - (Math.abs(from) || 1) / 2, from + (Math.abs(from) || 1) / 2];
  if (!logarithmic) return { from, to, place: value => (value - from) / (to - from), at: place => from + place * (to - from), ticks: evenly(from, to, most, time) };
  const [low, high] = [Math.log(from), Math.log(to)];
  return { from, to, place: value => (Math.log(value) - low) / (high - low), at: place => Math.exp(low + place * (high - low)), ticks: byPowers(from, to, most) };
}

function evenly(from, to, most, time) {
  const step = time && to - from > most ? roundTime((to - from) / most) : roundUp((to - from) / most);
  const first = Math.ceil(from / step - 1e-9);
  const values = Array.from({ length: Math.max(0, Math.floor(to / step + 1e-9) - first + 1) }, (_, at) => (first + at) * step);
  const digits = decimals(step);
  const label = time ? value => (value ? duration(value) : '0') : digits > 6 ? number : digits ? value => value.toFixed(digits) : whole;
  return values.map(value => [value, label(value)]);
}

/** How many digits after the point tell multiples of a step apart. */
function decimals(step) {
  const first = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return Math.abs(step * 10 ** first - Math.round(step * 10 ** first)) < 1e-6 ? first : first + 1;
}

function byPowers(from, to, most) {
  const decades = Math.log10(to / from);
  if (decades < 0.7) return evenly(from, to, most, false);
  const factors = decades < most / 3 ? [1, 2, 5] : decades < most / 1.5 ? [1, 3] : [1];
  const every = Math.max(1, Math.ceil(decades / most));
  const ticks = [];
  for (let power = Math.floor(Math.log10(from)); power <= Math.log10(to); power++) {
    if (power % every) continue;
    for (const factor of factors) {
      const value = factor * 10 ** power;
      if (value >= from && value <= to) ticks.push([value, number(value)]);
    }
  }
  return ticks;
}

function roundUp(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  return [1, 2, 2.5, 5, 10].find(factor => factor * power >= step * (1 - 1e-9)) * power;
}

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 });
const whole = value => (Math.abs(value) < 10_000 ? count(value) : compact.format(value));
const roundTime = step => MOMENTS.find(moment => moment >= step) ?? Math.ceil(step / DAY) * DAY;
