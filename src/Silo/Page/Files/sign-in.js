// Asks for an access token, once for each browser.

import { post } from './api.js';
import { query } from './address.js';
import { h, show } from './dom.js';

export function signInView({ signedIn }) {
  const trouble = h('p', { role: 'alert', class: 'failure' });
  const token = h('input', { type: 'password', id: 'token', required: true, autofocus: true, autocomplete: 'current-password', 'aria-describedby': 'whence' });
  const button = h('button', { class: 'primary' }, 'Sign in');

  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    show(trouble);
    try {
      await post('/api/sign-in', { token: token.value.trim() });
      await signedIn(nextOf(query('next')));
    } catch (error) {
      show(trouble, error.message);
      token.select();
    }
    button.disabled = false;
  }

  return {
    title: 'Sign in', leave: () => {},
    node: h('section', { class: 'sign-in' }, h('h1', null, 'Sign in'),
      h('form', { onsubmit: submit }, h('label', { for: 'token' }, 'Access token'), token, button, trouble,
        h('p', { class: 'muted', id: 'whence' }, 'An operator makes one with ', h('code', null, 'granary token create NAME --role viewer'), '.'))),
  };
}

/** Only a way within the page: an address from elsewhere could lead anywhere. */
const nextOf = next => (next && new URL(next, location.origin).origin === location.origin && next.startsWith('/') && !next.startsWith('/sign-in') ? next : '/');
