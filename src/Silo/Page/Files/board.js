// A board of charts with one x axis, one smoothing and one crosshair for all of them.

import { get, of } from './api.js';
import { query, remember } from './address.js';
import { h, show } from './dom.js';
import { figure, legendEntry } from './figure.js';
import { fill, grow, isOld } from './line.js';
import { failure } from './parts.js';

const POINTS = 1500;  // of a curve, as many as a wide screen can tell apart
const MOST = 2 * POINTS; // then the silo is asked to thin them out again
const SMOOTH = 0.6;

/**
 * Charts are { group, title, lines } and lines { run, metric, label, colour, best }. With a legend of its own each chart switches its curves by itself;
 * otherwise the board has one for all.
 */
export function board(charts, { ownLegends = true } = {}) {
  const lines = charts.flatMap(chart => chart.lines);
  const hidden = new Set();
  const options = () => ({ by: axis(), logarithmic: query('log') === '1', smooth: Number(query('smooth') ?? SMOOTH), range, hidden });
  const tools = h('div', { class: 'tools' });
  const trouble = h('div');
  const pending = new Map();
  let range = rangeOfAddress(), asked = 0, loaded = false, reading = false;

  const figures = charts.map(chart => figure({ title: chart.title, legend: ownLegends, options, zoom, reset: () => zoom(null, null), point, toggle }));
  const groups = [...new Set(charts.map(chart => chart.group))];
  const node = h('div', { class: 'board' }, tools, trouble, ...groups.map(group => h('section', null, group && h('h2', null, group),
    h('div', { class: 'charts' }, ...figures.filter((_, at) => charts[at].group === group).map(each => each.node)))));

  const canSay = () => ({ step: true, epoch: lines.some(line => line.stepsPerEpoch > 0), time: lines.some(line => line.seconds) });

  function axis() {
    const wanted = query('axis') ?? 'step';
    return loaded && !canSay()[wanted] ? 'step' : wanted;
  }

  function point(own, value) {
    for (const each of figures) each.point(value, each.node === own);
  }

  function toggle(label) {
    if (!hidden.delete(label)) hidden.add(label);
    render();
  }

  function zoom(from, to) {
    range = from === null ? null : { from, to };
    remember({ from: from && from.toPrecision(8), to: to && to.toPrecision(8) });
    point(null, null);
    render();
    load();
  }

  function set(parts) {
    // A range of steps means nothing in seconds.
    if ('axis' in parts && range) {
      remember(parts);
      return zoom(null, null);
    }
    remember(parts);
    render();
  }

  /** Reads all curves, or the part of them that is looked at. */
  async function load() {
    const ticket = ++asked;
    reading = true;
    // Only from whole curves can be told at which step a moment was.
    if (range && axis() !== 'step' && !loaded) await read(ticket, null);
    await read(ticket, range);
    if (ticket === asked) reading = false;
  }

  async function read(ticket, part) {
    try {
      await Promise.all([...new Set(lines.map(line => line.run))].map(async run => {
        const own = lines.filter(line => line.run === run);
        const steps = part && stepsOf(own, part);
        const metrics = [...new Set(own.map(line => line.metric))];
        const answer = await get(`${of(run, 'curves')}?metrics=${metrics.map(encodeURIComponent).join(',')}&points=${POINTS}${steps ? `&from=${steps.from}&to=${steps.to}` : ''}`);
        if (ticket !== asked) return;
        for (const line of own) fill(line, answer.curves[line.metric], answer.stepsPerEpoch);
      }));
      if (ticket !== asked) return;
      loaded = true;
      for (const [step, told] of pending) add(step, told);
      pending.clear();
      show(trouble);
      render();
    } catch (error) {
      if (ticket === asked) show(trouble, failure(error));
    }
  }

  function stepsOf(own, { from, to }) {
    const by = axis();
    const line = own.reduce((most, each) => ((each.steps?.length ?? 0) > (most.steps?.length ?? 0) ? each : most));
    if (by === 'step') return { from: Math.floor(from), to: Math.ceil(to) };
    if (by === 'epoch') return { from: Math.floor(from * line.stepsPerEpoch), to: Math.ceil(to * line.stepsPerEpoch) };
    if (!line.seconds) return null;
    const before = line.seconds.findLastIndex(second => second <= from), after = line.seconds.findIndex(second => second >= to);
    return { from: line.steps[Math.max(0, before)] ?? 0, to: line.steps.at(after) ?? 0 };
  }

  /** A point that the silo has told of just now; a part that is looked at closely stays as it is. */
  function add(step, { run, seconds, metrics }) {
    if (range) return;
    if (!loaded) return pending.set(step, { run, seconds, metrics });
    const own = lines.filter(line => line.run === run && metrics[line.metric] !== undefined);
    const most = Math.max(...own.map(line => line.told.steps.length));
    const touched = own.filter(line => !isOld(line, metrics[line.metric], most));
    for (const line of touched) grow(line, step, seconds, metrics[line.metric]);
    if (!reading && touched.some(line => line.told.values.length > MOST)) load();
    figures.forEach((each, at) => charts[at].lines.some(line => touched.includes(line)) && each.show(ready(charts[at])));
  }

  function render() {
    const { by, logarithmic, smooth } = options();
    const can = canSay();
    const smoothing = event => set({ smooth: event.target.value });
    show(tools,
      h('div', { class: 'segments', role: 'group', 'aria-label': 'x axis' }, ...Object.keys(can).map(name =>
        h('button', { 'aria-pressed': String(name === by), disabled: loaded && !can[name], onclick: () => set({ axis: name === 'step' ? null : name }) }, name))),
      h('button', { class: 'toggle', 'aria-pressed': String(logarithmic), onclick: () => set({ log: logarithmic ? null : 1 }) }, 'logarithmic'),
      h('label', { class: 'slider' }, 'Smoothing ', h('input', { type: 'range', min: 0, max: 0.99, step: 0.01, value: String(smooth), oninput: smoothing }), h('output', null, smooth.toFixed(2))),
      h('span', { class: 'hint muted' }, range ? h('button', { onclick: () => zoom(null, null) }, 'Show all') : 'Drag over a chart to enlarge'),
      !ownLegends && h('div', { class: 'legend' }, ...charts[0]?.lines.map(line => legendEntry(line, hidden, toggle, '')) ?? []));
    figures.forEach((each, at) => each.show(ready(charts[at])));
  }

  render();
  load();
  return { node, add, load, leave: () => figures.forEach(each => each.leave()) };
}

const ready = chart => chart.lines.filter(line => line.steps);

function rangeOfAddress() {
  const [from, to] = [query('from'), query('to')].map(text => (text === null ? NaN : Number(text)));
  return from < to ? { from, to } : null;
}
