// What pointer and keys do over a chart: a crosshair with values, and a part to look at more closely.

import { h, show } from './dom.js';
import { disc, prepare } from './chart.js';
import { colour } from './colours.js';
import { nearest } from './curve.js';
import { count, duration, number } from './format.js';
import { inFrame } from './pace.js';

const LEAST = 6; // pixels of a drag that means something

/** Lives over a canvas. The chart has picture(), options(), zoom(from, to), reset() and point(x), which shows the same place in other charts. */
export function cursor(canvas, chart) {
  const over = h('canvas', { class: 'over', 'aria-hidden': 'true' });
  const readout = h('div', { class: 'readout', hidden: true });
  const spoken = h('div', { class: 'unseen', role: 'status' });
  let at = null, begun = null, mine = false;

  function paint() {
    const { context } = prepare(over);
    const picture = chart.picture();
    readout.hidden = !mine || !picture || at === null;
    if (!picture || at === null) return;
    const { plot, across, down, lines } = picture;
    const x = across(at);
    if (x < plot.left - 1 || x > plot.left + plot.width + 1) return;
    if (begun !== null) {
      context.fillStyle = colour('veil');
      context.fillRect(Math.min(begun, x), plot.top, Math.abs(x - begun), plot.height);
    }
    context.strokeStyle = colour('muted');
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(x, plot.top);
    context.lineTo(x, plot.top + plot.height);
    context.stroke();
    for (const line of lines) {
      const index = nearest(line.x, at);
      context.fillStyle = line.ink;
      disc(context, across(line.x[index]), down(line.y[index]), 3.5);
    }
    if (mine) place(picture, x);
  }

  function place(picture, x) {
    show(readout, h('div', { class: 'muted' }, describe(at, chart.options().by)), ...picture.lines.map(line => {
      const index = nearest(line.x, at);
      return h('div', null, h('span', { class: 'swatch', style: { color: line.ink } }), `${line.curve.label} `, h('b', null, number(line.raw[index])),
        number(line.y[index]) !== number(line.raw[index]) && h('span', { class: 'muted' }, ` ~ ${number(line.y[index])}`));
    }));
    const right = x > picture.plot.left + picture.plot.width / 2;
    readout.style.transform = `translateX(${right ? `calc(${x - 12}px - 100%)` : `${x + 12}px`})`;
  }

  function point(value, own) {
    [at, mine] = [value, own];
    inFrame(paint);
  }

  function follow(pixel) {
    const picture = chart.picture();
    if (picture) chart.point(snapped(picture, picture.valueAt(pixel)));
  }

  canvas.onpointermove = event => follow(event.offsetX);
  canvas.onpointerleave = () => begun === null && chart.point(null);
  canvas.onpointerdown = event => {
    if (event.button || !chart.picture()) return;
    canvas.setPointerCapture(event.pointerId);
    begun = event.offsetX;
    follow(begun);
  };
  canvas.onpointerup = event => {
    if (begun === null) return;
    const picture = chart.picture();
    const [from, to] = [begun, event.offsetX].sort((a, b) => a - b);
    begun = null;
    if (picture && to - from > LEAST) chart.zoom(picture.valueAt(from), picture.valueAt(to));
    inFrame(paint);
  };
  canvas.onpointercancel = () => { begun = null; };
  canvas.ondblclick = () => chart.reset();
  canvas.onblur = () => chart.point(null);
  canvas.onkeydown = event => {
    const picture = chart.picture();
    const places = picture?.lines.reduce((most, line) => (line.x.length > most.length ? line.x : most), []);
    if (!places?.length) return;
    const index = at === null ? places.length - 1 : nearest(places, at);
    const move = { ArrowLeft: index - (event.shiftKey ? 50 : 1), ArrowRight: index + (event.shiftKey ? 50 : 1), Home: 0, End: places.length - 1 }[event.key];
    const width = picture.x.to - picture.x.from;
    if (move !== undefined) step(picture, places[Math.min(places.length - 1, Math.max(0, move))]);
    else if (event.key === '+' && at !== null) chart.zoom(Math.max(picture.x.from, at - width / 4), Math.min(picture.x.to, at + width / 4));
    else if (event.key === 'Escape' || event.key === '-') chart.reset();
    else return;
    event.preventDefault();
  };

  function step(picture, value) {
    chart.point(value);
    spoken.textContent = [describe(value, chart.options().by), ...picture.lines.map(line => `${line.curve.label} ${number(line.raw[nearest(line.x, value)])}`)].join(', ');
  }

  return { nodes: [over, readout, spoken], point };
}

/** The place of the point next to that pointed at: a value between two steps was never measured. */
function snapped({ lines }, value) {
  const places = lines.map(line => line.x[nearest(line.x, value)]);
  return places.reduce((best, place) => (Math.abs(place - value) < Math.abs(best - value) ? place : best), places[0] ?? value);
}

const describe = (value, by) => (by === 'time' ? duration(value) : by === 'epoch' ? `epoch ${number(value)}` : `step ${count(value)}`);
