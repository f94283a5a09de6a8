// Begins the page, and shows the view that the address asks for.

import { get } from './api.js';
import { go, onGo } from './address.js';
import { clusterView } from './cluster.js';
import { onTheme } from './colours.js';
import { compareView } from './compare.js';
import { h, show } from './dom.js';
import { renderHeader } from './header.js';
import { failure, note } from './parts.js';
import { runView } from './run.js';
import { runsView } from './runs.js';
import { signInView } from './sign-in.js';
import * as stream from './stream.js';

const VIEWS = [[/^\/$/, runsView], [/^\/runs\/([^/]+)$/, runView], [/^\/compare$/, compareView], [/^\/cluster$/, clusterView], [/^\/sign-in$/, signInView]];
const RETRY = 3000;

const main = document.getElementById('main');
let me = null, view = null, shown = null;

async function start() {
  try {
    me = await get('/api/me');
    away(false);
    open();
  } catch (error) {
    if (error.status === 401) return askWho();
    away(error.status === 0 || error.status === 503);
    show(main, failure(error));
    setTimeout(start, RETRY);
  }
}

function open() {
  const pattern = VIEWS.find(([path]) => path.test(location.pathname));
  view?.leave();
  view = pattern ? pattern[1]({ me, signedIn, parameters: pattern[0].exec(location.pathname).slice(1).map(decodeURIComponent) }) : nowhere();
  main.replaceChildren(view.node);
  document.title = view.title === 'Granary' ? view.title : `${view.title} · Granary`;
  renderHeader(me, askWho);
  // Who reads with the ears hears where a link has led.
  if (shown !== null && shown !== location.pathname) (main.querySelector('[autofocus]') ?? main).focus({ preventScroll: true });
  if (shown !== location.pathname) scrollTo(0, 0);
  shown = location.pathname;
}

function askWho() {
  stream.close();
  me = null;
  if (location.pathname !== '/sign-in') history.replaceState(null, '', `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  open();
}

async function signedIn(next) {
  me = await get('/api/me');
  go(next);
}

/** A silo of another version has other files. */
async function back() {
  away(false);
  const now = await get('/api/me').catch(() => me);
  if (me && now.version !== me.version) location.reload();
}

function away(is) {
  show(document.getElementById('away'), is && h('p', null, 'The silo is away; trying again.'));
}

const nowhere = () => ({ title: 'Granary', leave: () => {}, node: h('section', null, h('h1', null, 'Nothing here'), note('No view has this address. ', h('a', { href: '/' }, 'All runs'))) });

stream.listen('away', () => away(true));
stream.listen('back', back);
stream.listen('refused', askWho);
onTheme(() => renderHeader(me, askWho));
onGo(open);
show(main, note('Loading …'));
start();
