// What the silo tells: one stream for the page, of all runs and of the one that is looked at.

import { get } from './api.js';

const SILENCE = 45_000;      // the silo pings every 15 s
const HIDDEN = 30_000;       // a browser has six connections to a host: a page that nobody sees lets its own go
const LONGEST_WAIT = 10_000;
const TYPES = ['snapshot', 'run', 'gone', 'points', 'event', 'checkpoint', 'sample', 'ping'];

/** All runs by their id, newest first, as the silo has told them; null until it has. */
export let runs = null;

const listeners = new Map();
let source = null, wanted = false, followed = null, first = true, away = false;
let tries = 0, retry = 0, silence = 0, hiding = 0;

/** Listens to a type of event, and to 'away' (the silo is gone), 'back' (something was missed: all must be read again) and 'refused' (nobody is signed in). */
export function listen(type, handler) {
  if (!listeners.has(type)) listeners.set(type, new Set());
  listeners.get(type).add(handler);
  return () => listeners.get(type).delete(handler);
}

/** Opens the stream, with the points and events of a run if one is named. */
export function follow(run = null) {
  if (source && followed === run) return;
  [wanted, followed, first] = [true, run, true];
  open();
}

/** Ends it for good, for one who is not signed in. */
export function close() {
  [wanted, away] = [false, false];
  pause();
}

function pause() {
  source?.close();
  source = null;
  clearTimeout(retry);
  clearTimeout(silence);
}

function open() {
  pause();
  source = new EventSource(`/api/stream${followed ? `?run=${encodeURIComponent(followed)}` : ''}`);
  source.onerror = lost;
  for (const type of TYPES) source.addEventListener(type, event => hear(type, JSON.parse(event.data)));
  awaitWord();
}

function hear(type, data) {
  awaitWord();
  if (type === 'snapshot') {
    runs = new Map(data.runs.map(run => [run.id, run]));
  } else if (type === 'run' && runs) {
    // One that is not known yet is the newest.
    runs = runs.has(data.id) ? runs.set(data.id, data) : new Map([[data.id, data], ...runs]);
  } else if (type === 'gone') {
    runs?.delete(data.id);
  }
  tell(type, data);
  if (type === 'snapshot') begin();
}

/** Each snapshot but the first follows on something that was not heard. */
function begin() {
  const again = !first;
  [first, away, tries] = [false, false, 0];
  if (again) tell('back');
}

function awaitWord() {
  clearTimeout(silence);
  silence = setTimeout(lost, SILENCE);
}

async function lost() {
  pause();
  retry = setTimeout(open, Math.min(LONGEST_WAIT, 500 * 2 ** tries++));
  // The first try that fails is not worth a word: a proxy may have ended a long answer.
  if (tries > 1 && !away) {
    away = true;
    tell('away');
  }
  const reply = await get('/api/me').catch(error => error);
  if (reply.status === 401 && wanted) {
    close();
    tell('refused');
  }
}

function tell(type, data) {
  for (const handler of [...(listeners.get(type) ?? [])]) handler(data);
}

function wake() {
  if (wanted && !source) open();
}

document.addEventListener('visibilitychange', () => {
  clearTimeout(hiding);
  if (document.hidden) hiding = setTimeout(pause, HIDDEN);
  else wake();
});
addEventListener('pagehide', pause);
addEventListener('pageshow', wake);
addEventListener('online', wake);
