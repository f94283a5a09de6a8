// A table whose lines stay the same elements while their contents change, that can be sorted, and that is a list of cards where it is narrow.

import { h, morph, show } from './dom.js';

/**
 * Columns are { title, cell: row => content, by: row => value to sort by, name of the order in the address, numeric, wide };
 * an order is a column's name, with '-' before it for descending. A row that is the same object with the same mark is not drawn again.
 */
export function table({ caption, columns, key, order = () => null, onOrder, mark = () => null }) {
  const head = h('thead');
  const body = h('tbody');
  const node = h('table', { class: 'list' }, h('caption', { class: 'unseen' }, caption), head, body);
  const lines = new Map();

  function line(row) {
    const cells = columns.map((column, at) =>
      h(at === 0 || column.leads ? 'th' : 'td', {
        scope: at === 0 || column.leads ? 'row' : null,
        class: kinds(column),
        'data-title': column.title || null,
      }, column.cell(row)));
    return h('tr', { class: mark(row) }, ...cells);
  }

  function draw(row) {
    const known = lines.get(key(row));
    const now = { row, mark: mark(row) };
    if (known?.row === row && known.mark === now.mark) return known.element;
    now.element = known ? morph(known.element, line(row)) : line(row);
    lines.set(key(row), now);
    return now.element;
  }

  function heading(column) {
    const { title, name, unseen } = column;
    const now = order()?.replace('-', '') === name && name ? (order().startsWith('-') ? 'descending' : 'ascending') : null;
    const turn = () => onOrder(now === 'descending' ? name : now === 'ascending' ? null : `-${name}`);
    const text = unseen ? h('span', { class: 'unseen' }, unseen) : title;
    return h('th', { scope: 'col', 'aria-sort': now, class: kinds(column) },
      name && onOrder ? h('button', { class: 'plain', onclick: turn }, text, h('span', { class: 'arrow', 'aria-hidden': 'true' }, now === 'ascending' ? '↑' : now ? '↓' : '')) : text);
  }

  return {
    node,
    show(rows) {
      show(head, h('tr', null, ...columns.map(heading)));
      const shown = new Set(rows.map(key));
      for (const [id, { element }] of lines) if (!shown.has(id)) element.remove(), lines.delete(id);
      sorted(rows, columns, order()).forEach((row, at) => {
        const element = draw(row);
        if (body.children[at] !== element) body.insertBefore(element, body.children[at] ?? null);
      });
    },
  };
}

const kinds = column => ['numeric', 'wide', 'narrow', 'leads'].filter(kind => column[kind]).join(' ') || null;

function sorted(rows, columns, order) {
  const by = order && columns.find(column => column.name === order.replace('-', ''))?.by;
  if (!by) return rows;
  const sign = order.startsWith('-') ? -1 : 1;
  // Those without a value come last either way.
  const compare = (a, b) => (a === b ? 0 : a ?? null === null ? 1 : b ?? null === null ? -1 : sign * (a < b ? -1 : 1));
  return [...rows].sort((a, b) => compare(by(a) ?? null, by(b) ?? null));
}
