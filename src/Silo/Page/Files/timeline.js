// Rounds, faults and checkpoints of a run over time.

import { h, show, svg } from './dom.js';
import { count, duration, isLive } from './format.js';
import { history } from './history.js';
import { atMost } from './pace.js';
import { failure, note } from './parts.js';
import { axis } from './scale.js';
import { table } from './table.js';

const [LEFT, LANE, GAP] = [88, 22, 12];
const LANES = ['State', 'Rounds', 'Workers', 'Checkpoints'];
const HEIGHT = LANES.length * (LANE + GAP) + 24;

export function timelineTab(run, facts) {
  const picture = svg('svg', { role: 'img', height: HEIGHT });
  const frame = h('div', { class: 'timeline', hidden: true }, picture, legend());
  const message = h('div', null, note('Loading …'));
  const rounds = table({
    caption: 'Rounds and faults', key: entry => entry.id, mark: entry => entry.kind,
    columns: [
      { title: 'After', cell: entry => duration(entry.at), numeric: true },
      { title: 'Step', cell: entry => count(entry.step), numeric: true },
      { title: 'What happened', wide: true, cell: entry => entry.message },
      { title: 'How long', numeric: true, cell: entry => (entry.lasted === null ? '' : entry.kind === 'lost' ? `${duration(entry.lasted)} to the next round` : duration(entry.lasted)) },
    ],
  });
  const list = h('div', { class: 'scroll', hidden: true }, h('h2', null, 'Rounds and faults'), rounds.node);
  let shown = run;

  function render() {
    const events = facts.events();
    if (!events.length) return show(message, note('Nothing has happened yet.'));
    show(message);
    const told = history(events, isLive(shown) ? Date.now() : null);
    frame.hidden = false;
    const width = picture.clientWidth || 800;
    const time = axis(0, told.length, { time: true, most: Math.max(2, Math.floor((width - LEFT) / 100)) });
    const across = seconds => LEFT + time.place(seconds) * (width - LEFT - 1);
    const top = lane => lane * (LANE + GAP);
    const span = (lane, each) => {
      const [from, to] = [across(each.from), Math.max(across(each.from) + 1.5, across(each.to))];
      return svg('g', { class: each.kind }, svg('title', null, each.title), svg('rect', { x: from, y: top(lane), width: to - from, height: LANE, rx: 3 }),
        to - from > each.label.length * 7 + 10 && svg('text', { x: from + 6, y: top(lane) + 15 }, each.label));
    };
    picture.setAttribute('aria-label', told.words);
    show(picture,
      ...time.ticks.map(([value, label]) => svg('g', { class: 'tick' }, svg('line', { x1: across(value), x2: across(value), y1: 0, y2: HEIGHT - 22 }), svg('text', { x: across(value), y: HEIGHT - 6, 'text-anchor': !value ? 'start' : across(value) > width - 40 ? 'end' : 'middle' }, label))),
      ...LANES.map((name, lane) => svg('text', { class: 'lane', x: 0, y: top(lane) + 15 }, name)),
      ...told.states.map(each => span(0, each)),
      ...told.rounds.map(each => span(1, each)),
      ...told.moves.map(each => svg('g', { class: each.kind }, svg('title', null, each.message), svg('path', { d: arrow(across(each.at), top(2), each.kind === 'lost') }))),
      ...told.checkpoints.map(each => svg('g', { class: 'checkpoint' }, svg('title', null, each.message), svg('rect', { x: across(each.at) - 1, y: top(3), width: 2, height: LANE }))));
    rounds.show(told.entries);
    list.hidden = !told.entries.length;
  }

  const soon = atMost(500, render);
  const clock = setInterval(() => isLive(shown) && soon(), 5000);
  const size = new ResizeObserver(soon);
  size.observe(picture);
  facts.listenEvents().then(render, error => show(message, failure(error)));
  return { node: h('div', null, frame, message, list), update: fresh => { shown = fresh; }, event: soon, back: soon, leave: () => { soon.stop(); clearInterval(clock); size.disconnect(); } };
}

/** A worker that leaves points down, one that comes points up: colour alone would not tell everybody. */
const arrow = (x, y, down) => (down ? `M${x - 6} ${y + 4}h12l-6 14z` : `M${x - 6} ${y + 18}h12l-6 -14z`);

const legend = () => h('p', { class: 'muted', 'aria-hidden': 'true' }, '▼ a worker was lost\u2003▲ a worker came\u2003| a checkpoint');
