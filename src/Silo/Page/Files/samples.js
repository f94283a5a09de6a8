// What the run shows of itself: texts, pictures and tables, by their step.

import { get } from './api.js';
import { h, show } from './dom.js';
import { count } from './format.js';
import { matrix } from './matrix.js';
import { failure, note } from './parts.js';

const SMALL = 256; // pixels: what is smaller is enlarged without blur

/** Lines break where they are too long, but not those of columns that are set with spaces. */
const text = content => h('pre', { class: /\S {3,}\S/.test(content) ? 'text aligned' : 'text' }, content);

export function samplesTab(run) {
  const node = h('div');
  const tools = h('div', { class: 'tools' });
  const stage = h('div', { class: 'stage' });
  const texts = new Map();
  let samples = run.samples ?? [], chosen = null, drawn = null;

  const steps = () => [...new Set(samples.map(sample => sample.step))].sort((a, b) => a - b);

  function render() {
    const all = steps();
    if (!all.length) return show(node, note('No samples yet. A task that can show something does so at its checkpoints.'));
    if (!node.contains(stage)) node.replaceChildren(tools, stage);
    // The newest is followed until another is asked for.
    const at = chosen === null ? all.length - 1 : Math.max(0, all.indexOf(chosen));
    const step = all[at];
    const move = to => { chosen = to >= all.length - 1 ? null : all[to]; render(); };
    show(tools,
      h('button', { disabled: at === 0, onclick: () => move(at - 1), 'aria-label': 'Earlier step' }, '←'),
      h('label', { class: 'slider grow' }, h('span', { class: 'unseen' }, 'Step'), h('input', { type: 'range', min: 0, max: all.length - 1, value: String(at), 'aria-valuetext': `step ${count(step)}`, oninput: event => move(Number(event.target.value)) })),
      h('button', { disabled: at === all.length - 1, onclick: () => move(at + 1), 'aria-label': 'Later step' }, '→'),
      h('output', null, `step ${count(step)}`, h('span', { class: 'muted' }, chosen === null ? ' · newest' : ` · ${at + 1} of ${all.length}`)));
    const now = samples.filter(sample => sample.step === step);
    const key = now.map(sample => sample.url).join();
    if (key !== drawn) stage.replaceChildren(...now.map(display));
    drawn = key;
  }

  function display(sample) {
    const box = h('figure', { class: 'sample' }, h('figcaption', { class: 'muted' }, sample.name));
    if (sample.kind === 'picture') box.prepend(h('img', { src: sample.url, onload: event => event.target.classList.toggle('small', event.target.naturalWidth < SMALL), alt: `${sample.name}, step ${sample.step}` }));
    else read(sample.url).then(content => box.prepend(sample.kind === 'table' ? matrix(content) : text(content)), error => box.prepend(failure(error)));
    return box;
  }

  function read(url) {
    if (!texts.has(url)) texts.set(url, get(url).catch(error => { texts.delete(url); throw error; }));
    return texts.get(url);
  }

  render();
  return { node, update: fresh => { samples = fresh.samples ?? []; render(); } };
}
