// All runs: found by words, put in order, and chosen for a comparison.

import { query, remember } from './address.js';
import { h, show } from './dom.js';
import { born, count, isLive, number, part, secondsSince, speed } from './format.js';
import { atMost } from './pace.js';
import { age, link, note, progress, state } from './parts.js';
import * as stream from './stream.js';
import { table } from './table.js';

export function runsView({ me }) {
  const chosen = new Set(query('chosen')?.split(',').filter(Boolean));
  const tools = h('div', { class: 'tools' });
  const message = h('div');
  const list = table({
    caption: 'Runs', key: run => run.id, onOrder: order, order: () => query('sort'), mark: run => (chosen.has(run.id) ? 'chosen' : null),
    columns: [
      { unseen: 'Choose', cell: run => h('input', { type: 'checkbox', checked: chosen.has(run.id), 'aria-label': `Choose ${run.id}`, onchange: () => choose(run.id) }), narrow: true },
      { title: 'Run', name: 'run', by: run => run.id, leads: true, cell: link },
      { title: 'State', name: 'state', by: run => run.state, wide: true, cell: run => [state(run), run.reason && h('div', { class: 'why', title: run.reason }, run.reason)] },
      { title: 'Progress', name: 'progress', by: part, cell: progress },
      { title: 'Best', name: 'best', by: run => run.best, numeric: true, cell: run => [number(run.best), h('div', { class: 'why' }, run.measure)] },
      { title: 'Speed', name: 'speed', by: run => run.unitsPerSecond, numeric: true, cell: speed },
      { title: 'Workers', name: 'workers', by: run => run.workers, numeric: true, cell: run => count(run.workers) },
      { title: 'Age', name: 'age', by: run => secondsSince(born(run)), numeric: true, cell: run => age(born(run)) },
    ],
  });

  function order(name) {
    remember({ sort: name });
    render();
  }

  function filter(words) {
    remember({ filter: words });
    render();
  }

  function choose(id) {
    if (!chosen.delete(id)) chosen.add(id);
    remember({ chosen: [...chosen].join(',') });
    render();
  }

  function clear() {
    chosen.clear();
    remember({ chosen: null });
    render();
  }

  function render() {
    const all = [...(stream.runs?.values() ?? [])];
    const words = (query('filter') ?? '').toLowerCase().split(/\s+/).filter(Boolean);
    const found = all.filter(run => words.every(word => `${run.id} ${run.task} ${run.state} ${run.reason ?? ''}`.toLowerCase().includes(word)));
    tools.hidden = !all.length;
    show(tools,
      h('input', { type: 'search', placeholder: 'Filter: lm running …', 'aria-label': 'Filter runs by name, task, state or reason', value: query('filter') ?? '', oninput: event => filter(event.target.value) }),
      h('div', { class: 'states' }, ...tally(all).map(([name, many]) =>
        h('button', { class: 'plain', 'aria-pressed': String(words.includes(name)), onclick: () => filter(words.includes(name) ? '' : name) }, state({ state: name }), ` ${many}`))),
      h('div', { class: 'chosen-bar' }, chosen.size > 0 && [
        h('span', null, `${chosen.size} chosen `),
        chosen.size > 1 ? h('a', { class: 'button', href: `/compare?runs=${[...chosen].map(encodeURIComponent).join(',')}` }, 'Compare') : h('span', { class: 'muted' }, '· choose another to compare '),
        h('button', { class: 'plain', onclick: clear }, 'Clear')]));
    list.show(found);
    list.node.hidden = !found.length;
    show(message, !stream.runs ? note('Loading …') : !all.length ? nothing(me) : !found.length ? note(`None of ${count(all.length)} runs has all of these words. `, h('button', { class: 'plain', onclick: () => filter('') }, 'Show all')) : null);
  }

  const soon = atMost(250, render);
  const leave = ['snapshot', 'run', 'gone'].map(type => stream.listen(type, soon));
  stream.follow();
  render();
  return { title: 'Runs', node: h('section', null, h('h1', null, 'Runs'), tools, h('div', { class: 'scroll' }, list.node), message), leave: () => [...leave, soon.stop].forEach(end => end()) };
}

function tally(runs) {
  const counts = new Map();
  for (const run of [...runs].sort((a, b) => isLive(b) - isLive(a))) counts.set(run.state, (counts.get(run.state) ?? 0) + 1);
  return [...counts];
}

function nothing(me) {
  const server = `${location.protocol}//${location.hostname}:${me.gatewayPort}`;
  return h('div', { class: 'empty' }, h('p', null, 'No runs yet.'),
    me.cluster ? [h('p', { class: 'muted' }, 'Begin one from a terminal:'), h('pre', null, `granary submit lm --server ${server} --out first`)]
      : h('p', { class: 'muted' }, 'No directory here holds a run. ', h('code', null, 'granary train lm --out DIR'), ' makes one.'));
}
