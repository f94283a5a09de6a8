// What the address says of the view, so that a view can be sent to a colleague.

const changed = [];

export const query = name => new URLSearchParams(location.search).get(name);

/** Changes parts of the query without a new entry in the history; null or '' takes one away. */
export function remember(parts) {
  const all = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(parts)) {
    if (value === null || value === undefined || value === '') all.delete(name);
    else all.set(name, value);
  }
  const text = all.toString().replaceAll('%2C', ',');
  history.replaceState(null, '', location.pathname + (text ? `?${text}` : ''));
}

export function go(url) {
  history.pushState(null, '', url);
  for (const tell of changed) tell();
}

/** Calls back whenever another view is asked for; links within the page do not load it anew. */
export function onGo(tell) {
  changed.push(tell);
  addEventListener('popstate', tell);
  addEventListener('click', event => {
    const link = event.target.closest?.('a[href^="/"]:not([download])');
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || link.pathname.startsWith('/api/')) return;
    event.preventDefault();
    go(link.href);
  });
}
