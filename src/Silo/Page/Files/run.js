// One run: how it stands, what may be done with it, and a tab for each side of it.

import { get, of } from './api.js';
import { query, remember } from './address.js';
import { actions } from './actions.js';
import { checkpointsTab } from './checkpoints.js';
import { curvesTab } from './curves.js';
import { h, show } from './dom.js';
import { count, duration, hash, number, speed } from './format.js';
import { logTab } from './log.js';
import { atMost } from './pace.js';
import { age, failure, note, progress, state, tabs } from './parts.js';
import { samplesTab } from './samples.js';
import { specTab } from './spec.js';
import * as stream from './stream.js';
import { timelineTab } from './timeline.js';
import { wordsTab } from './words.js';
import { workersTab } from './workers.js';

const TABS = { curves: curvesTab, samples: samplesTab, checkpoints: checkpointsTab, workers: workersTab, timeline: timelineTab, log: logTab, spec: specTab, words: wordsTab };

export function runView({ me, parameters: [id] }) {
  const head = h('div', null, note('Loading …'));
  const doing = actions(id, merge);
  const bar = h('div');
  const panel = h('div', { id: 'tab-panel', role: 'tabpanel', tabindex: 0 });
  let run = null, tab = null, name = null, events = null;
  const facts = { id, events: () => events ?? [], listenEvents };

  async function load() {
    try {
      run = await get(of(id));
      if (events) await loadEvents();
      render();
      if (!tab) open(query('tab') ?? 'curves');
      else tab.back?.(run);
    } catch (error) {
      if (!run) show(head, h('h1', null, id), failure(error));
    }
  }

  /** The log is read when the first tab wants it. */
  async function listenEvents() {
    events ??= [];
    await loadEvents();
  }

  async function loadEvents() {
    const answer = await get(`${of(id, 'events')}?after=${events.at(-1)?.id ?? 0}`);
    answer.events.forEach(hearEvent);
  }

  function hearEvent(event) {
    if (events && event.id > (events.at(-1)?.id ?? 0)) events.push(event);
  }

  function open(wanted) {
    name = offered().some(([each]) => each === wanted) ? wanted : 'curves';
    remember({ tab: name === 'curves' ? null : name });
    tab?.leave?.();
    tab = TABS[name](run, facts);
    panel.replaceChildren(tab.node);
    panel.setAttribute('aria-labelledby', `tab-${name}`);
    render();
    document.getElementById(`tab-${name}`)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }

  const offered = () => [['curves', 'Curves'], ['samples', titled('Samples', run.samples)], ['checkpoints', titled('Checkpoints', run.checkpoints)], ['workers', 'Workers'],
    ['timeline', 'Timeline'], ['log', 'Log'], ['spec', 'Spec'], ...(run.task === 'word2vec' ? [['words', 'Words']] : [])];

  function merge(row) {
    if (!run || row.id !== id) return;
    // What is not in a row, such as slots and what is allowed, changes with these.
    const turned = ['state', 'round', 'workers'].some(key => row[key] !== run[key]);
    run = { ...run, ...row };
    if (turned) readAgain();
    soon();
  }

  function render() {
    if (!run) return;
    show(head,
      h('div', { class: 'title' }, h('h1', null, run.id), state(run)),
      run.reason && h('p', { class: 'reason' }, run.reason),
      h('dl', { class: 'facts' },
        fact('Progress', progress(run)),
        run.stepsPerEpoch > 0 && fact('Epoch', number(run.step / run.stepsPerEpoch)),
        fact(`Best ${run.measure ?? ''}`, number(run.best)),
        fact('Speed', speed(run)),
        fact('Workers', `${count(run.workers)}${run.processes ? ` in ${run.processes === 1 ? '1 process' : `${run.processes} processes`}` : ''}${run.round ? `, round ${count(run.round)}` : ''}`),
        fact('Trained', duration(run.elapsed)),
        run.started && fact('Started', [age(run.started), ' ago']),
        run.weights && fact('Weights', h('code', { title: run.weights }, hash(run.weights)))));
    if (me.role === 'operator') doing.show(run);
    show(bar, tabs(`Sides of ${id}`, offered(), name, open));
    tab?.update?.(run);
  }

  const soon = atMost(250, render);
  const readAgain = atMost(1000, load);
  const leave = [
    stream.listen('run', merge),
    stream.listen('points', point => tab?.point?.(point)),
    stream.listen('event', event => { hearEvent(event); tab?.event?.(event); }),
    stream.listen('checkpoint', checkpoint => run && (run.checkpoints = added(run.checkpoints, checkpoint, 'step'), soon())),
    stream.listen('sample', sample => run && (run.samples = added(run.samples, sample, 'name'), soon())),
    stream.listen('back', load), soon.stop, readAgain.stop, () => tab?.leave?.(),
  ];
  stream.follow(id);
  load();
  return { title: id, node: h('section', { class: 'run' }, head, doing.node, bar, panel), leave: () => leave.forEach(end => end()) };
}

const fact = (name, value) => h('div', null, h('dt', null, name), h('dd', null, value));
const titled = (title, list) => (list?.length ? `${title} ${list.length}` : title);
const added = (list, item, key) => [...(list ?? []).filter(each => each[key] !== item[key]), item];
