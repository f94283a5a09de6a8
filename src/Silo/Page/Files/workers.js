// Who trains the run now: slots with their shards, and how long these take.

import { h, show } from './dom.js';
import { duration, number } from './format.js';
import { note } from './parts.js';
import { table } from './table.js';

const STRAGGLER = 2;

export function workersTab(run) {
  const list = table({
    caption: 'Workers', key: worker => worker.slot, mark: worker => (worker.score >= STRAGGLER ? 'slow' : null),
    columns: [
      { title: 'Slot', cell: worker => worker.slot },
      { title: 'Node', cell: worker => worker.node },
      { title: 'Device', cell: worker => worker.device },
      { title: 'Shards', cell: worker => [`[${worker.firstShard}, ${worker.endShard})`, shards(worker, run.spec?.shards)] },
      { title: 'Time for a shard', numeric: true, cell: worker => duration(worker.computePerShard) },
      { title: 'Beside the others', numeric: true, cell: worker => (worker.score ? [`${number(worker.score)} ×`, worker.score >= STRAGGLER && h('span', { class: 'badge warning' }, 'straggler')] : '–') },
    ],
  });
  const head = h('div');

  function update({ slots, coordinator, round }) {
    list.node.hidden = !slots?.length;
    list.show(slots ?? []);
    show(head, slots?.length ? h('p', { class: 'muted' }, [round && `Round ${round}`, coordinator && `coordinator on ${coordinator}`].filter(Boolean).join(', ')) : note('No workers: the run holds no slots now.'));
  }

  update(run);
  return { node: h('div', null, head, h('div', { class: 'scroll' }, list.node)), update };
}

/** Which part of the batch is the worker's, drawn. */
function shards({ firstShard, endShard }, all) {
  return all && h('div', { class: 'bar shards', 'aria-hidden': 'true' },
    h('div', { style: { transform: `translateX(${(firstShard / all) * 100}%) scaleX(${(endShard - firstShard) / all})` } }));
}
