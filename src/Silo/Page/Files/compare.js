// Several runs: their curves over each other, and what they were asked for that differs.

import { get, of } from './api.js';
import { query } from './address.js';
import { board } from './board.js';
import { chartsOfRuns } from './charts.js';
import { curveColour } from './colours.js';
import { h, show } from './dom.js';
import { count, hash, isMoving, number } from './format.js';
import { failure, link, note, state } from './parts.js';
import * as stream from './stream.js';

const REREAD = 5000;
const MOST = 12; // differences shown at first: runs of two tasks have little in common
/** What determines the weights; the number of workers does not. */
const IDENTITY = ['task', 'seed', 'shards', 'steps', 'epochs', 'data', 'dataFiles', 'init', 'initMap', 'settings', 'device'];

export function compareView() {
  const ids = [...new Set(query('runs')?.split(',').filter(Boolean))];
  const body = h('div', null, note('Loading …'));
  const timer = setInterval(reread, REREAD);
  const leave = [stream.listen('back', load), () => curves?.leave(), () => clearInterval(timer)];
  let curves = null;

  async function load() {
    try {
      const runs = await Promise.all(ids.map(id => get(of(id))));
      curves?.leave();
      curves = board(chartsOfRuns(runs), { ownLegends: false });
      const table = h('div');
      differences(table, runs, MOST);
      body.replaceChildren(table, curves.node);
    } catch (error) {
      show(body, failure(error));
    }
  }

  function reread() {
    if (!document.hidden && ids.some(id => stream.runs?.has(id) && isMoving(stream.runs.get(id)))) curves?.load();
  }

  stream.follow();
  if (ids.length) load();
  else show(body, note('Choose runs to compare on the ', h('a', { href: '/' }, 'list of runs'), '.'));
  return { title: 'Compare', node: h('section', null, h('h1', null, 'Compare'), body), leave: () => leave.forEach(end => end()) };
}

function differences(place, runs, most) {
  const specs = runs.map(run => flat({ ...run.spec, switches: run.switches, versions: run.versions }));
  const names = [...new Set(specs.flatMap(Object.keys))].filter(name => new Set(specs.map(spec => spec[name])).size > 1);
  const row = (title, cell) => h('tr', null, h('th', { scope: 'row' }, title), ...runs.map((run, at) => h('td', null, cell(run, at))));
  show(place, h('div', { class: 'scroll' }, h('table', { class: 'list across' }, h('caption', { class: 'unseen' }, 'In what the runs differ'),
    h('thead', null, h('tr', null, h('td'), ...runs.map((run, at) => h('th', { scope: 'col' }, h('span', { class: 'swatch', style: { color: `var(--${curveColour(at)})` } }), link(run))))),
    h('tbody', null,
      row('state', state),
      row('step', run => count(run.step)),
      row('best', run => `${number(run.best)} ${run.measure ?? ''}`),
      ...names.slice(0, most).map(name => row(name, (_, at) => specs[at][name] ?? h('span', { class: 'muted' }, 'not set'))),
      row('weights', (run, at) => [h('code', { title: run.weights }, hash(run.weights)), at > 0 && h('div', { class: 'verdict' }, verdict(runs[0], run))]))),
    names.length === 0 && note('No setting differs.')),
    names.length > most && h('button', { class: 'plain', onclick: () => differences(place, runs, Infinity) }, `Show ${count(names.length - most)} more differences`));
}

/** How a run's weights relate to those of the first, in words. */
function verdict(first, run) {
  if (!first.weights || !run.weights) return 'no weights to compare yet';
  const asked = first.spec && IDENTITY.every(name => same(first.spec?.[name], run.spec?.[name])) && same(first.switches, run.switches) ? 'same spec' : null;
  const weights = first.weights === run.weights ? 'same weights' : 'other weights';
  const where = asked && first.weights !== run.weights && first.step !== run.step ? 'at another step' : null;
  return [asked, weights, where].filter(Boolean).join(', ');
}

const same = (a, b) => JSON.stringify(ordered(a)) === JSON.stringify(ordered(b));
const ordered = value => (value && typeof value === 'object' ? Object.entries(value).sort().map(([name, each]) => [name, ordered(each)]) : value ?? null);

/** { settings: { hidden: 650 } } as { hidden: '650' }; names stay as one writes them. */
export function flat(value, prefix = '') {
  return Object.fromEntries(Object.entries(value ?? {}).flatMap(([name, each]) => {
    const title = prefix && prefix !== 'settings' ? `${prefix} ${name}` : name;
    return each && typeof each === 'object' ? Object.entries(flat(each, title)) : each === null || each === undefined ? [] : [[title, String(each)]];
  }));
}
