// Small parts that several views share.

import { h } from './dom.js';
import { count, date, duration, part, percent, secondsSince } from './format.js';

const AGEING = 10_000;

/** The state as a coloured dot and a word. */
export const state = run => h('span', { class: `state ${run.state}` }, h('span', { class: 'dot', 'aria-hidden': 'true' }), run.state);

export const link = run => h('a', { href: `/runs/${encodeURIComponent(run.id ?? run)}` }, run.id ?? run);

export function progress(run) {
  if (!run.totalSteps) return h('span', { class: 'muted' }, `step ${count(run.step)}`);
  const done = part(run);
  return h('div', { class: 'progress' },
    bar(done, `Progress of ${run.id}`, { role: 'progressbar' }),
    h('span', null, `${percent(done)} `, h('span', { class: 'muted' }, `${count(run.step)} / ${count(run.totalSteps)}`),
      typeof run.secondsLeft === 'number' && h('span', { class: 'muted' }, ` · ${duration(run.secondsLeft)} left`)));
}

export function bar(done, label, { role = 'meter', kind = '' } = {}) {
  return h('div', { class: `bar ${kind}`, role, 'aria-label': label, 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': Math.floor(done * 100) },
    h('div', { style: { transform: `scaleX(${done})` } }));
}

/** How long ago, with the moment itself for who points at it; it grows by itself. */
export const age = time => (time ? h('time', { class: 'age', datetime: time, title: date(time) }, duration(secondsSince(time))) : '–');

setInterval(() => {
  for (const each of document.querySelectorAll('time.age')) each.firstChild.data = duration(secondsSince(each.dateTime));
}, AGEING);

export const note = (...words) => h('p', { class: 'note' }, ...words);
export const failure = error => h('p', { class: 'failure', role: 'alert' }, error.message);

/** Copies text, also where the page is not served securely and the clipboard is out of reach. */
export async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h('textarea', { value: text, class: 'unseen' });
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  const was = button.textContent;
  button.textContent = 'Copied';
  setTimeout(() => { button.textContent = was; }, 1500);
}

/** Tabs of which one is shown; arrow keys go from one to the next. Tabs are [name, title]. */
export function tabs(label, all, chosen, choose) {
  const move = event => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = all.findIndex(([name]) => name === chosen);
    const next = Number.isFinite(step) ? (at + step + all.length) % all.length : step < 0 ? 0 : all.length - 1;
    choose(all[next][0]);
    document.getElementById(`tab-${all[next][0]}`)?.focus();
  };
  return h('div', { class: 'tabs', role: 'tablist', 'aria-label': label, onkeydown: move }, ...all.map(([name, title]) =>
    h('button', { role: 'tab', id: `tab-${name}`, 'aria-selected': String(name === chosen), 'aria-controls': 'tab-panel', tabindex: name === chosen ? 0 : -1, onclick: () => choose(name) }, title)));
}
