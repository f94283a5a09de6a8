// A table of a run's own, such as a confusion matrix: { title, rowTitle, columnTitle, rows, columns, values }, values being rows of numbers.

import { h } from './dom.js';
import { number } from './format.js';

export function matrix({ title, rowTitle, columnTitle, rows, columns, values }) {
  const square = rows.length === columns.length && rows.every((name, at) => name === columns[at]);
  return h('div', { class: 'scroll' }, h('table', { class: 'matrix' },
    h('caption', null, [title, rowTitle && columnTitle && `rows: ${rowTitle}; columns: ${columnTitle}`, square && rightOf(values)].filter(Boolean).join(' · ')),
    h('thead', null, h('tr', null, h('td'), ...columns.map(name => h('th', { scope: 'col' }, h('span', null, name))))),
    h('tbody', null, ...values.map((line, at) => {
      // Shades tell parts of a row: a class with few examples is read like one with many.
      const whole = line.reduce((sum, value) => sum + Math.abs(value ?? 0), 0) || 1;
      return h('tr', null, h('th', { scope: 'row' }, rows[at]), ...line.map((value, column) => cell(value, Math.abs(value ?? 0) / whole, square && at === column)));
    }))));
}

function cell(value, part, right) {
  return h('td', { class: right ? 'right' : null, title: `${Math.round(part * 1000) / 10} %` },
    h('span', { class: 'shade', 'aria-hidden': 'true', style: { opacity: String(0.7 * Math.sqrt(part)) } }), h('span', { class: 'figure' }, number(value)));
}

function rightOf(values) {
  const all = values.flat().reduce((sum, value) => sum + (value ?? 0), 0);
  return `${Math.round((values.reduce((sum, line, at) => sum + (line[at] ?? 0), 0) / all) * 1000) / 10} % on the diagonal`;
}
