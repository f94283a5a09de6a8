// The checkpoints of a run, newest first.

import { of } from './api.js';
import { h } from './dom.js';
import { bytes, count, hash, number } from './format.js';
import { age, note } from './parts.js';
import { table } from './table.js';

export function checkpointsTab(run) {
  const empty = note('No checkpoint yet.');
  const list = table({
    caption: 'Checkpoints', key: checkpoint => checkpoint.step, mark: checkpoint => (checkpoint.best ? 'best' : null),
    columns: [
      { title: 'Step', cell: checkpoint => [count(checkpoint.step), checkpoint.best && h('span', { class: 'badge' }, 'best')] },
      { title: run.measure || 'Measure', numeric: true, cell: checkpoint => number(checkpoint.measure) },
      { title: 'Written', numeric: true, cell: checkpoint => (checkpoint.written ? [age(checkpoint.written), ' ago'] : '–') },
      { title: 'Size', numeric: true, cell: checkpoint => bytes(checkpoint.bytes) },
      { title: 'Agreed', numeric: true, cell: checkpoint => (checkpoint.replicas ? `${checkpoint.agreed} of ${checkpoint.replicas}` : '–') },
      { title: 'SHA-256', cell: checkpoint => h('code', { title: checkpoint.sha256 }, hash(checkpoint.sha256)) },
      { title: 'Weights', cell: checkpoint => h('a', { href: of(run.id, 'checkpoints', checkpoint.step, 'model.safetensors'), download: `${run.id}-${checkpoint.step}.safetensors`, 'aria-label': `Download model.safetensors of step ${checkpoint.step}` }, 'model.safetensors') },
    ],
  });

  function update({ checkpoints }) {
    list.show([...(checkpoints ?? [])].sort((a, b) => b.step - a.step));
    empty.hidden = !(list.node.hidden = !checkpoints?.length);
  }

  update(run);
  return { node: h('div', { class: 'scroll' }, list.node, empty), update };
}
