// What stands above every view: where one can go, who one is, light or dark.

import { post } from './api.js';
import { isDark, keepTheme } from './colours.js';
import { h, show } from './dom.js';

export function renderHeader(me, signedOut) {
  const here = href => (location.pathname === href || (href === '/' && location.pathname.startsWith('/runs')) ? 'page' : null);
  const entry = (href, name) => h('a', { href, 'aria-current': here(href) }, name);
  const turn = () => {
    keepTheme(isDark() ? 'light' : 'dark');
    renderHeader(me, signedOut);
  };
  const leave = async () => {
    await post('/api/sign-out').catch(() => {});
    signedOut();
  };
  show(document.getElementById('header'),
    h('a', { href: '/', class: 'brand' }, 'Granary'),
    h('nav', { 'aria-label': 'Views' }, ...(me ? [entry('/', 'Runs'), me.cluster && entry('/cluster', 'Cluster')] : [])),
    h('div', { class: 'who' },
      me?.secured && h('span', { class: 'muted' }, me.name ? `${me.name}, ${me.role}` : me.role),
      me?.secured && h('button', { class: 'plain', onclick: leave }, 'Sign out'),
      h('button', { class: 'plain turn', onclick: turn, 'aria-label': isDark() ? 'Light theme' : 'Dark theme', title: isDark() ? 'Light theme' : 'Dark theme' }, isDark() ? '☀' : '☾')));
}
