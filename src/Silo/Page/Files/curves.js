// The curves of one run, growing while it trains.

import { board } from './board.js';
import { chartsOfRun } from './charts.js';
import { h } from './dom.js';
import { note } from './parts.js';

export function curvesTab(run) {
  const node = h('div');
  const metrics = new Set();
  let curves = null;

  /** A metric that is measured for the first time asks for a chart. */
  function admit(names) {
    const before = metrics.size;
    for (const name of names) metrics.add(name);
    if (curves && metrics.size === before) return;
    curves?.leave();
    curves = metrics.size ? board(chartsOfRun(run, [...metrics])) : null;
    node.replaceChildren(curves?.node ?? note('No points yet: the first come with the first steps.'));
  }

  function point(told) {
    admit(Object.keys(told.metrics));
    curves.add(told.step, { run: run.id, ...told });
  }

  admit(run.curves ?? []);
  return { node, point, update: fresh => admit(fresh.curves ?? []), back: () => curves?.load(), leave: () => curves?.leave() };
}
