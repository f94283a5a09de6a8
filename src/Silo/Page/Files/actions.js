// Buttons for what a run's state allows, with what came of them beside them.

import { of, post } from './api.js';
import { h, show } from './dom.js';

export function actions(id, done) {
  const node = h('div', { class: 'actions', hidden: true });
  const sure = h('dialog', { 'aria-labelledby': 'sure' });
  let run = null, doing = null, trouble = null, wanted = null;

  async function act(name, body, saying) {
    [doing, trouble] = [saying, null];
    render();
    try {
      done(await post(of(id, name), body));
    } catch (error) {
      trouble = error.message;
    }
    doing = null;
    render();
  }

  function cancel() {
    show(sure,
      h('h2', { id: 'sure' }, `Cancel ${id}?`),
      h('p', null, 'It stops at the next step, writes a checkpoint, and gives its slots back. It does not go on afterwards; to stop it for a while, pause it.'),
      h('div', { class: 'actions' },
        h('button', { onclick: () => sure.close(), autofocus: true }, 'Keep it'),
        h('button', { class: 'danger', onclick: () => { sure.close(); act('cancel', {}, 'Cancels at the next step …'); } }, 'Cancel the run')));
    sure.showModal();
  }

  function scale(event) {
    event.preventDefault();
    const workers = wanted ?? run.workers;
    wanted = null;
    act('scale', { workers }, 'Scales at the next step …');
  }

  function render() {
    if (!run) return;
    const button = (name, action, kind) => h('button', { class: kind, disabled: doing !== null, onclick: action }, name);
    show(node,
      run.canPause && button('Pause', () => act('pause', {}, 'Pauses at the next step …')),
      run.canResume && button('Resume', () => act('resume', {}, 'Resumes …')),
      run.canScale && h('form', { onsubmit: scale },
        h('label', null, 'Workers ', h('input', { name: 'workers', type: 'number', min: 1, max: run.spec?.shards, required: true, value: String(wanted ?? run.workers), oninput: event => { wanted = Number(event.target.value); } })),
        h('button', { disabled: doing !== null }, 'Scale')),
      run.canCancel && button('Cancel …', cancel, 'danger'),
      h('span', { role: 'status', class: 'muted' }, doing),
      h('span', { role: 'alert', class: 'failure' }, trouble));
    node.hidden = !node.querySelector('button') && !trouble;
  }

  return { node: h('div', null, node, sure), show: fresh => { run = fresh; render(); } };
}
