// The curves of one run, growing while it trains.

import { board } from './board.js';
import { chartsOfRun } from './charts.js';
import { h } from './dom.js';
import { note } from './parts.js';

export function curvesTab(run) {
  const node = h('div');
  let shown = null, curves = null;

  function update(fresh) {
    const metrics = fresh.curves ?? [];
    // A metric that was measured for the first time asks for a chart.
    if (shown === metrics.join()) return;
    shown = metrics.join();
    curves?.leave();
    curves = metrics.length ? board(chartsOfRun(fresh, metrics)) : null;
    node.replaceChildren(curves?.node ?? note('No points yet: the first come with the first steps.'));
  }

  update(run);
  return { node, update, back: fresh => { update(fresh); curves?.load(); }, point: point => curves?.add(point.step, { run: run.id, ...point }), leave: () => curves?.leave() };
}
