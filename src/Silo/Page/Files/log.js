// What has happened to a run, line by line.

import { h, show } from './dom.js';
import { clock, count, date } from './format.js';
import { atMost } from './pace.js';
import { failure, note } from './parts.js';

const SHOWN = 500;

export function logTab(run, facts) {
  const tools = h('div', { class: 'tools' });
  const box = h('div', { class: 'log', tabindex: 0, role: 'log', 'aria-label': `Log of ${run.id}`, onscroll: scrolled });
  let words = '', following = true, most = SHOWN, trouble = null, read = false;

  function scrolled() {
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 8;
    if (atEnd === following) return;
    following = atEnd;
    renderTools();
  }

  function follow() {
    following = !following;
    renderTools();
    if (following) box.scrollTop = box.scrollHeight;
  }

  function renderTools() {
    show(tools,
      h('input', { type: 'search', placeholder: 'Filter: lost round …', 'aria-label': 'Filter the log', value: words, oninput: event => { words = event.target.value; most = SHOWN; render(); } }),
      h('button', { class: 'toggle', 'aria-pressed': String(following), onclick: follow }, 'Follow'));
  }

  function render() {
    renderTools();
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    const found = facts.events().filter(event => event.message && wanted.every(word => `${event.kind} ${event.state} ${event.message}`.toLowerCase().includes(word)));
    const hidden = Math.max(0, found.length - most);
    show(box, trouble && failure(trouble),
      hidden > 0 && h('button', { class: 'plain', onclick: () => { most += SHOWN; render(); } }, `Show ${count(Math.min(SHOWN, hidden))} earlier`),
      ...found.slice(hidden).map(line),
      !found.length && note(!read ? 'Loading …' : words ? 'No line has all of these words.' : 'Nothing has happened yet.'));
    if (following) box.scrollTop = box.scrollHeight;
  }

  const soon = atMost(200, render);
  facts.listenEvents().catch(error => { trouble = error; }).finally(() => { read = true; render(); });
  return { node: h('div', null, tools, box), event: soon, back: soon, leave: soon.stop };
}

const line = event => h('div', { class: `line ${event.kind}` },
  h('time', { datetime: event.time, title: date(event.time) }, clock(event.time)), h('span', { class: 'at' }, count(event.step)), h('span', { class: 'kind' }, event.kind), h('span', null, event.message));
