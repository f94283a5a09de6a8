// A chart with its title, its legend, and the same in words and in a table for who does not see it.

import { h, show } from './dom.js';
import { draw } from './chart.js';
import { curveColour, onTheme } from './colours.js';
import { cursor } from './cursor.js';
import { abscissas, best } from './curve.js';
import { count, duration, number } from './format.js';
import { atMost, inFrame } from './pace.js';

const ROWS = 50;

/** Options() are those of the chart and `hidden`, the labels that are switched off; zoom, reset and point are the board's. */
export function figure({ title, legend, options, zoom, reset, point, toggle }) {
  const canvas = h('canvas', { role: 'img', tabindex: 0, 'aria-label': title });
  const head = h('figcaption');
  const numbers = h('div', { class: 'scroll numbers', hidden: true });
  let curves = [], picture = null;
  const shown = () => curves.filter(curve => !options().hidden.has(curve.label));
  const crosshair = cursor(canvas, { picture: () => picture, options, zoom, reset, point: value => point(node, value) });
  const empty = h('p', { class: 'nothing', hidden: true });
  const node = h('figure', { class: 'chart' }, head, h('div', { class: 'plot' }, canvas, ...crosshair.nodes, empty), numbers);

  function paint() {
    if (!canvas.clientWidth) return;
    picture = draw(canvas, shown(), options());
    empty.hidden = !!picture;
    empty.textContent = picture ? '' : !curves.length ? 'Loading …' : options().logarithmic ? 'Nothing above zero to show by logarithm.' : 'No points yet.';
  }

  function describe() {
    show(head, h('h3', null, title),
      legend && h('div', { class: 'legend' }, ...curves.map(curve => legendEntry(curve, options().hidden, toggle))),
      h('button', { class: 'plain small', 'aria-pressed': String(!numbers.hidden), onclick: turn, 'aria-label': `${title} as a table` }, 'Table'));
    canvas.setAttribute('aria-label', `${title}. ${shown().map(inWords).join(' ')} Arrow keys move along the curve, plus enlarges, Escape shows all.`);
    if (!numbers.hidden) show(numbers, tableOf(shown(), options().by));
  }

  function turn() {
    numbers.hidden = !numbers.hidden;
    describe();
  }

  const describeSoon = atMost(250, describe);
  const repaint = () => inFrame(paint);
  const size = new ResizeObserver(repaint);
  size.observe(canvas);
  const leaveTheme = onTheme(repaint);

  return {
    node,
    show(fresh) {
      curves = fresh;
      describeSoon();
      repaint();
    },
    point: crosshair.point,
    leave() {
      size.disconnect();
      leaveTheme();
      describeSoon.stop();
    },
  };
}

/** A switch for one curve, with its colour and its last value. */
export function legendEntry(curve, hidden, toggle, value = number(curve.values?.at(-1))) {
  return h('button', { class: 'entry', 'aria-pressed': String(!hidden.has(curve.label)), onclick: () => toggle(curve.label) },
    h('span', { class: curve.colour < 8 ? 'swatch' : 'swatch dashed', style: { color: `var(--${curveColour(curve.colour)})` } }), `${curve.label} `, h('b', null, value));
}

function inWords(curve) {
  if (!curve.values.length) return `${curve.label}: no points yet.`;
  const at = best(curve);
  const low = curve.values.reduce((a, b) => Math.min(a, b)), high = curve.values.reduce((a, b) => Math.max(a, b));
  return `${curve.label}: last ${number(curve.values.at(-1))} at step ${count(curve.steps.at(-1))}, ${at < 0 ? `between ${number(low)} and ${number(high)}` : `best ${number(curve.values[at])} at step ${count(curve.steps[at])}`}.`;
}

function tableOf(curves, by) {
  const unit = { step: count, epoch: number, time: duration }[by];
  return h('div', { class: 'side-by-side' }, ...curves.map(curve => {
    const places = abscissas(curve, by);
    const every = Math.max(1, Math.ceil(places.length / ROWS));
    const rows = [...places.keys()].filter(at => at % every === 0 || at === places.length - 1);
    return h('table', { class: 'list compact' }, h('caption', null, curve.label), h('thead', null, h('tr', null, h('th', { scope: 'col', class: 'numeric' }, by), h('th', { scope: 'col', class: 'numeric' }, 'value'))),
      h('tbody', null, ...rows.map(at => h('tr', null, h('th', { scope: 'row', class: 'numeric' }, unit(places[at])), h('td', { class: 'numeric' }, number(curve.values[at]))))));
  }));
}
