// Elements of the page. Texts come from orders, brokers and people: they become text nodes and nothing else.

import { decimalsOf, groups, isFigure } from './page_exact.js';

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// A figure with its digits in groups; its text is exactly `text`.
export function figure(text) {
  if (text === null || text === undefined) return h('span', { class: 'none' }, '–');
  if (!isFigure(text)) return h('span', {}, text);
  const { parts, fraction } = groups(text);
  return h('span', { class: 'figure' },
    ...parts.map((part, at) => (at === 0 ? part : h('span', { class: 'group' }, part))), fraction);
}

const ABBREVIATION = { partially_filled: 'part filled', cancel_pending: 'cancelling', replace_pending: 'replacing' };

export function state(status) {
  return h('span', { class: `state ${status}`, 'data-status': status }, ABBREVIATION[status] ?? status.replaceAll('_', ' '));
}

export const side = (word) => h('span', { class: `side ${word}` }, word);

// Times are shown in UTC, as stored: the day only when it is not today.
export function time(text) {
  if (!text) return h('span', { class: 'none' }, '–');
  const [day, clock] = text.replace('Z', '').split('T');
  const today = new Date().toISOString().slice(0, 10) === day;
  return h('time', { datetime: text, title: text }, `${today ? '' : `${day} `}${clock.slice(0, 12)}`);
}

export const button = (label, key, press, kind = 'plain') =>
  h('button', { type: 'button', class: kind, 'data-key': key, click: press }, label);

export const field = (label, input, name) => h('label', { class: `field ${name ?? ''}` }, h('span', {}, label), input);

export function choice(name, options, chosen = '') {
  return h('select', { name },
    ...options.map(([value, label]) => h('option', { value, selected: value === chosen }, label)));
}

export const facts = (rows) =>
  h('dl', { class: 'facts' }, ...rows.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value ?? '–'))));

export const card = (title, ...content) => h('section', { class: 'card' }, h('h2', {}, title), ...content);

// Replaces what an element holds; the keyboard stays where it was if there is still something of the same key.
export function refill(element, ...children) {
  const key = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  element.replaceChildren(...children);
  if (key) [...element.querySelectorAll('[data-key]')].find((one) => one.dataset.key === key)?.focus();
}

// A figure's column has its decimal points in one line: each cell says how many decimals it lacks.
function fillCell(cell, column, value, decimals) {
  if (!column.figure) return cell.append(value ?? h('span', { class: 'none' }, '–'));
  cell.append(figure(value));
  const own = value ? decimalsOf(value) : 0;
  if (decimals > own) cell.dataset.pad = (own === 0 ? '.' : '') + '0'.repeat(decimals - own);
}

// A table that is filled again with every change. columns: {label, value(row), figure?, class?}. A row whose `mark`
// is another than before is shown as new for a moment.
export function grid(label, columns, { empty, key = (row) => row.id, mark = () => '' }) {
  const classOf = (column) => `${column.figure ? 'number' : ''} ${column.class ?? ''}`.trim() || null;
  const body = h('tbody');
  const nothing = h('p', { class: 'empty' }, empty);
  const table = h('table', {}, h('caption', { class: 'unseen' }, label),
    h('thead', {}, h('tr', {}, ...columns.map((column) => h('th', { scope: 'col', class: classOf(column) }, column.label)))),
    body);
  const element = h('div', { class: 'grid', role: 'region', 'aria-label': label, tabindex: '0' }, table, nothing);
  let marks = null;
  const update = (rows) => {
    const values = rows.map((row) => columns.map((column) => column.value(row)));
    const decimals = columns.map((column, at) =>
      column.figure ? Math.max(0, ...values.map((line) => (line[at] ? decimalsOf(line[at]) : 0))) : 0);
    refill(body, ...rows.map((row, line) => {
      const changed = marks !== null && marks.get(key(row)) !== mark(row);
      const tr = h('tr', { class: changed ? 'changed' : null, 'data-id': key(row) });
      columns.forEach((column, at) => {
        const cell = h('td', { class: classOf(column), 'data-label': column.label });
        fillCell(cell, column, values[line][at], decimals[at]);
        tr.append(cell);
      });
      return tr;
    }));
    marks = new Map(rows.map((row) => [key(row), mark(row)]));
    nothing.hidden = rows.length > 0;
  };
  const forget = () => { marks = null; };
  return { element, update, forget };
}

// Asks in a dialog; resolves with the form's values, or null. The dialog is modal: the keyboard stays in it, and
// Escape leaves it.
export function ask({ title, text, fields = [], confirm, danger = false, leave = 'Keep as it is' }) {
  return new Promise((answer) => {
    const form = h('form', { method: 'dialog' }, h('h2', { id: 'dialog-title' }, title),
      text ? h('p', {}, text) : null, ...fields,
      h('div', { class: 'buttons' },
        leave ? h('button', { type: 'button', class: 'plain', click: () => dialog.close() }, leave) : null,
        h('button', { type: 'submit', value: 'confirm', class: danger ? 'danger' : 'primary' }, confirm)));
    const dialog = h('dialog', { 'aria-labelledby': 'dialog-title', close: () => {
      dialog.remove();
      answer(dialog.returnValue === 'confirm' ? Object.fromEntries(new FormData(form)) : null);
    } }, form);
    document.body.append(dialog);
    dialog.showModal();
    form.querySelector('input, select')?.focus();
  });
}
