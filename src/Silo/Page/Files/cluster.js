// Nodes and their slots, what runs where, and what waits.

import { get, post } from './api.js';
import { h, show } from './dom.js';
import { bytes, count, plural } from './format.js';
import { atMost } from './pace.js';
import { bar, failure, link, note } from './parts.js';
import * as stream from './stream.js';
import { table } from './table.js';

const REREAD = 5000;

export function clusterView({ me }) {
  const body = h('div', null, note('Loading …'));
  const queue = table({
    caption: 'Queue', key: entry => entry.run,
    columns: [{ title: 'Run', leads: true, cell: entry => link(entry.run) }, { title: 'Waits for', wide: true, cell: entry => entry.waits }, { title: 'Priority', numeric: true, cell: entry => count(entry.priority) }],
  });
  const waiting = h('section', { hidden: true }, h('h2', null, 'Queue'), h('div', { class: 'scroll' }, queue.node));
  const troubles = new Map(), busy = new Set();
  let cluster = null;

  async function load() {
    try {
      cluster = await get('/api/cluster');
      render();
    } catch (error) {
      if (!cluster) show(body, failure(error));
    }
  }

  async function drain(name, undo) {
    troubles.delete(name);
    busy.add(name);
    render();
    try {
      await post(`/api/nodes/${encodeURIComponent(name)}/drain`, { undo });
    } catch (error) {
      troubles.set(name, error.message);
    }
    busy.delete(name);
    await load();
    render();
  }

  function render() {
    const { nodes, queue: entries } = cluster;
    const slots = nodes.flatMap(node => node.slots);
    const most = mostCommon(nodes.map(node => versionsOf(node)));
    show(body,
      h('p', { class: 'muted' }, `${plural(nodes.length, 'node')}, ${plural(slots.length, 'slot')}, ${slots.filter(slot => slot.run).length} in use, ${plural(entries.length, 'run')} waiting.`),
      nodes.length ? h('div', { class: 'nodes' }, ...nodes.map(node => card(node, most))) : note('No node has joined yet: granary silo makes one.'));
    queue.show(entries);
    waiting.hidden = !entries.length;
  }

  function card(node, most) {
    const versions = versionsOf(node);
    return h('article', { class: node.draining ? 'node draining' : 'node', 'aria-label': `Node ${node.name}` },
      h('header', null, h('h2', null, node.name), node.draining && h('span', { class: 'badge warning' }, 'draining')),
      h('p', { class: versions === most ? 'muted' : 'warning', title: versions }, versions === most ? short(versions) : versions, versions !== most && ' · another version than most'),
      typeof node.memoryUsed === 'number' && h('div', { class: 'memory' }, node.memoryLimit > 0 && bar(Math.min(1, node.memoryUsed / node.memoryLimit), `Memory of ${node.name}`, { kind: node.memoryUsed > 0.9 * node.memoryLimit ? 'full' : '' }),
        h('span', { class: 'muted' }, `${bytes(node.memoryUsed)}${node.memoryLimit > 0 ? ` of ${bytes(node.memoryLimit)}` : ''} of memory`)),
      h('ul', { class: 'slots' }, ...node.slots.map(slot => h('li', { class: slot.run ? 'used' : 'free' },
        h('span', null, h('b', null, slot.slot.split('/').at(-1)), ` ${slot.device}`, slot.model && h('span', { class: 'muted' }, ` ${slot.model}`)), slot.run ? link(slot.run) : h('span', { class: 'muted' }, 'free')))),
      me.role === 'operator' && h('div', { class: 'actions' },
        h('button', { disabled: busy.has(node.name), onclick: () => drain(node.name, node.draining), title: node.draining ? null : 'Its runs go on elsewhere from the next step' }, node.draining ? 'Take it back into use' : 'Drain'),
        h('span', { role: 'alert', class: 'failure' }, troubles.get(node.name))));
  }

  const soon = atMost(1000, load);
  const timer = setInterval(() => !document.hidden && soon(), REREAD);
  const leave = [stream.listen('back', soon), soon.stop, () => clearInterval(timer)];
  stream.follow();
  load();
  return { title: 'Cluster', node: h('section', null, h('h1', null, 'Cluster'), body, waiting), leave: () => leave.forEach(end => end()) };
}

/** Without the commit: it is in the title. */
const short = versions => versions.replaceAll(/\+[0-9a-f]+/g, '');

const versionsOf = node => Object.entries(node.versions ?? {}).map(([name, version]) => `${name} ${version}`).join(', ');

function mostCommon(words) {
  const counts = new Map();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}
