// Draws curves over each other. It knows pixels and nothing of where the curves come from.

import { axis } from './scale.js';
import { abscissas, best, indexAt, smoothed } from './curve.js';
import { colour, curveColour, dashes } from './colours.js';

const [TOP, RIGHT, BOTTOM] = [8, 12, 24];
const HAIR = 1;       // a line as thin as a pixel of the screen is drawn many times as fast
const STRETCH = 100;  // points to a stroke: the time of one grows faster than its length
const FONT = '11px system-ui, sans-serif';

/** Makes a canvas as fine as the screen, and gives its context in CSS pixels. */
export function prepare(canvas) {
  const [width, height, ratio] = [canvas.clientWidth, canvas.clientHeight, devicePixelRatio || 1];
  const [fineWidth, fineHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== fineWidth || canvas.height !== fineHeight) Object.assign(canvas, { width: fineWidth, height: fineHeight });
  const context = canvas.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** Draws, and answers with what was drawn where; null where there is nothing. Options are { by, logarithmic, smooth, range }. */
export function draw(canvas, curves, options) {
  const { context, width, height } = prepare(canvas);
  const lines = curves.map(curve => lineOf(curve, options)).filter(line => line.x.length);
  const extent = extentOf(lines, options);
  if (!extent || width < 80) return null;

  const y = axis(...padded(extent.low, extent.high, options.logarithmic), { most: Math.max(3, Math.floor(height / 45)), logarithmic: options.logarithmic });
  context.font = FONT;
  const left = 10 + Math.max(...y.ticks.map(([, label]) => context.measureText(label).width), 14);
  const x = axis(extent.from, extent.to, { most: Math.max(2, Math.floor((width - left) / (options.by === 'time' ? 80 : 55))), time: options.by === 'time' });
  const plot = { left, top: TOP, width: width - left - RIGHT, height: height - TOP - BOTTOM };
  const picture = {
    plot, lines, x, y, logarithmic: options.logarithmic,
    across: value => plot.left + x.place(value) * plot.width,
    down: value => plot.top + (1 - y.place(value)) * plot.height,
    valueAt: pixel => x.at(Math.min(1, Math.max(0, (pixel - plot.left) / plot.width))),
  };
  drawGrid(context, picture);
  context.save();
  context.beginPath();
  context.rect(plot.left, plot.top - 4, plot.width + RIGHT / 2, plot.height + 8);
  context.clip();
  for (const line of lines) drawLine(context, picture, line);
  context.restore();
  return picture;
}

function lineOf(curve, { by, smooth }) {
  const x = abscissas(curve, by);
  const index = curve.colour;
  return { curve, x, raw: curve.values, y: smoothed(x, curve.values, smooth), ink: colour(curveColour(index)), dash: dashes(index) };
}

function extentOf(lines, { logarithmic, range }) {
  let [from, to, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const { x, raw } of lines) {
    const [first, end] = range ? [indexAt(x, range.from), indexAt(x, range.to * (1 + 1e-12))] : [0, x.length];
    from = Math.min(from, x[0]);
    to = Math.max(to, x.at(-1));
    for (let at = first; at < end; at++) {
      if (logarithmic && raw[at] <= 0) continue;
      if (raw[at] < low) low = raw[at];
      if (raw[at] > high) high = raw[at];
    }
  }
  // A run begins at nothing.
  return low <= high ? { from: range?.from ?? Math.min(0, from), to: range?.to ?? to, low, high } : null;
}

function padded(low, high, logarithmic) {
  if (logarithmic) return [low / (high / low) ** 0.05 / (low === high ? 2 : 1), high * (high / low) ** 0.05 * (low === high ? 2 : 1)];
  const room = (high - low) * 0.06;
  return [low - room, high + room];
}

function drawGrid(context, { plot, x, y, across, down }) {
  context.lineWidth = 1;
  context.strokeStyle = colour('line');
  context.fillStyle = colour('muted');
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  context.beginPath();
  for (const [value, label] of y.ticks) {
    const level = Math.round(down(value)) + 0.5;
    context.moveTo(plot.left, level);
    context.lineTo(plot.left + plot.width, level);
    context.fillText(label, plot.left - 6, level);
  }
  context.stroke();
  context.textBaseline = 'top';
  for (const [value, label] of x.ticks) {
    const half = context.measureText(label).width / 2;
    context.textAlign = 'center';
    context.fillText(label, Math.min(across(value), plot.left + plot.width + RIGHT - half), plot.top + plot.height + 8);
  }
}

function drawLine(context, picture, { curve, x, raw, y, ink, dash }) {
  context.strokeStyle = context.fillStyle = ink;
  if (y !== raw) {
    context.globalAlpha = 0.28;
    trace(context, picture, x, raw, HAIR / devicePixelRatio);
    context.globalAlpha = 1;
  }
  context.setLineDash(dash);
  trace(context, picture, x, y, 1.75);
  context.setLineDash([]);
  const at = best(curve);
  if (x.length === 1) disc(context, picture.across(x[0]), picture.down(raw[0]), 3);
  if (at >= 0) ring(context, picture.across(x[at]), picture.down(raw[at]));
}

function trace(context, { across, down, logarithmic }, x, y, width) {
  context.lineWidth = width;
  context.beginPath();
  let drawn = false;
  for (let at = 0; at < x.length; at++) {
    // What a logarithm cannot show interrupts the line.
    if (logarithmic && !(y[at] > 0)) {
      drawn = false;
      continue;
    }
    if (drawn) context.lineTo(across(x[at]), down(y[at]));
    if (!drawn || at % STRETCH === 0) {
      context.stroke();
      context.beginPath();
      context.moveTo(across(x[at]), down(y[at]));
    }
    drawn = true;
  }
  context.stroke();
}

export function disc(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

function ring(context, x, y) {
  context.lineWidth = 2;
  context.beginPath();
  context.arc(x, y, 5, 0, 2 * Math.PI);
  context.save();
  context.fillStyle = colour('surface');
  context.fill();
  context.restore();
  context.stroke();
}
