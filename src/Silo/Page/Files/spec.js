// What the run was asked for, and the command that asks for it again.

import { flat } from './compare.js';
import { h } from './dom.js';
import { copy } from './parts.js';

export function specTab(run) {
  const { settings, ...spec } = run.spec ?? {};
  const button = h('button', { onclick: () => copy(run.command, button) }, 'Copy');
  return {
    node: h('div', null,
      run.command && h('div', { class: 'command' }, h('pre', null, run.command), button),
      h('div', { class: 'columns' }, part('Spec', { ...spec, output: run.output }), part('Settings', settings), part('Switches', run.switches), part('Versions', run.versions))),
  };
}

function part(title, values) {
  const lines = Object.entries(flat(values));
  return lines.length > 0 && h('section', null, h('h2', null, title), h('dl', { class: 'pairs' }, ...lines.flatMap(([name, value]) => [h('dt', null, name), h('dd', null, value)])));
}
