// The blotter, and one order.

import * as service from './page_service.js';
import { ask, button, card, choice, facts, field, figure, grid, h, refill, side, state, time } from './page_elements.js';

const STATUSES = ['placed', 'submitting', 'unknown', 'acked', 'partially_filled', 'cancel_pending', 'replace_pending',
  'filled', 'cancelled', 'rejected', 'expired', 'settled'];
const CANCELLABLE = new Set(['placed', 'acked', 'partially_filled', 'replace_pending']);
const FILLABLE = new Set(['acked', 'partially_filled', 'cancel_pending', 'replace_pending']);
const REPLACEABLE = new Set(['acked', 'partially_filled']);
const FLAGS = ['overfilled', 'late_fill', 'busted', 'parked', 'incident'];

const numberField = (name, label, chosen) =>
  field(label, h('input', { name, inputmode: 'numeric', pattern: '[1-9][0-9]*', title: 'a whole number', autocomplete: 'off', value: chosen ?? '' }));

export async function cancelOrder(desk, order) {
  const sure = await ask({
    title: `Cancel order ${order.id}?`,
    text: `${order.side} ${order.qty} ${order.symbol} at ${order.broker}: ${order.fill_qty} executed, ${order.remaining_qty} open.`,
    confirm: 'Cancel the order', danger: true,
  });
  if (sure) await desk.act(() => service.post(`api/v1/orders/${order.id}/cancel`), `Cancel of order ${order.id} asked for`);
}

const decimal = { pattern: '[0-9]+([.][0-9]{1,9})?', inputmode: 'decimal', autocomplete: 'off', required: true, title: 'a plain decimal such as 2500.25' };

// What was left as it is, is not sent: nobody confirms a term that he did not touch.
export async function replaceOrder(desk, order) {
  const terms = { qty: order.qty, ...(order.price_limit === null ? {} : { price_limit: order.price_limit }) };
  const values = await ask({
    title: `Change order ${order.id}`,
    text: `${order.side} ${order.symbol} at ${order.broker}: ${order.fill_qty} of ${order.qty} executed. The new quantity is the total, the executed part included.`,
    fields: [field('Quantity', h('input', { name: 'qty', value: terms.qty, ...decimal })),
      'price_limit' in terms ? field('Limit', h('input', { name: 'price_limit', value: terms.price_limit, ...decimal })) : null],
    confirm: 'Change the order',
  });
  const changed = Object.fromEntries(Object.entries(values ?? {}).filter(([name, value]) => value !== terms[name]));
  if (Object.keys(changed).length === 0) return;
  await desk.act(() => service.post(`api/v1/orders/${order.id}/replace`, changed), `Change of order ${order.id} asked for`);
}

const DECISIONS = {
  accepted: (order, said) => `The order stands at ${order.broker} as ${said.ext_order_id}, and its executions count.`,
  not_placed: (order) => `The order is sent to ${order.broker} again. If it is there after all, it is there twice.`,
  rejected: () => 'The order is over. If the broker has it after all, nobody here looks after it.',
};

// A person's word about an order of which no broker says what became: asked for twice, and signed.
export async function resolveOrder(desk, order) {
  const id = h('input', { name: 'ext_order_id', autocomplete: 'off', maxlength: '200' });
  const kind = choice('kind', [['', 'choose'], ['accepted', 'the broker has it'], ['not_placed', 'the broker never got it: send it again'],
    ['rejected', 'the broker refused it, or it shall not be sent']]);
  kind.required = true;
  id.disabled = true;
  kind.addEventListener('change', () => { id.required = kind.value === 'accepted'; id.disabled = !id.required; });
  const signs = service.key.get() === null;
  const said = await ask({
    title: `Decide about order ${order.id}`,
    text: `${order.side} ${order.qty} ${order.symbol}: nobody knows whether ${order.broker} has it as ${order.client_order_id}. Look there first.`,
    fields: [field('What became of it', kind), field("The broker's id", id),
      field('Why', h('input', { name: 'reason', required: true, autocomplete: 'off', maxlength: '200' })),
      signs ? field('Your name', h('input', { name: 'by', required: true, autocomplete: 'off', maxlength: '64' })) : null],
    confirm: 'Decide …', leave: 'Leave it in doubt',
  });
  if (!said) return;
  const sure = await ask({ title: `Order ${order.id}: ${said.kind.replaceAll('_', ' ')}?`, text: DECISIONS[said.kind](order, said), confirm: 'Decide', danger: true, leave: 'Leave it in doubt' });
  if (sure) await desk.act(() => service.post(`api/v1/orders/${order.id}/resolve`, said), `Order ${order.id}: decided`);
}

export async function fillOrder(desk, order) {
  const values = await ask({
    title: `Simulate a fill of order ${order.id}`,
    text: `${order.broker} is a mock broker: this plays the market. ${order.remaining_qty} of ${order.symbol} are open.`,
    fields: [field('Price', h('input', { name: 'fill_price', value: order.price_limit ?? '', ...decimal })),
      field('Quantity', h('input', { name: 'fill_qty', value: order.remaining_qty, ...decimal }))],
    confirm: 'Execute', leave: 'Leave',
  });
  if (values) await desk.act(() => service.post(`api/v1/orders/${order.id}/simulate_fill`, { fills: [values] }), `Order ${order.id}: executed ${values.fill_qty} at ${values.fill_price}`);
}

function actions(desk, order) {
  const broker = desk.brokers.find((one) => one.broker_name === order.broker);
  if (!desk.may('trade')) return null;
  return h('span', { class: 'actions' },
    desk.may('operate') && order.status === 'unknown' ? button('Decide …', `resolve-${order.id}`, () => resolveOrder(desk, order)) : null,
    broker?.simulated && FILLABLE.has(order.status) ? button('Fill', `fill-${order.id}`, () => fillOrder(desk, order)) : null,
    broker?.capabilities?.replaces && REPLACEABLE.has(order.status) ? button('Change', `replace-${order.id}`, () => replaceOrder(desk, order)) : null,
    CANCELLABLE.has(order.status) ? button('Cancel', `cancel-${order.id}`, () => cancelOrder(desk, order)) : null);
}

const link = (kind, id) => h('a', { href: `#/${kind}/${id}`, 'data-key': `${kind}-${id}` }, id);
const flags = (order) => FLAGS.filter((name) => order[name]).map((name) => h('span', { class: 'flag' }, name.replaceAll('_', ' ')));

// The columns of every list of orders. As the window gets narrower `widest` goes first, then `wide`, then `mid`.
export const orderColumns = (desk, within = '') => [
  { label: 'Order', value: (order) => link('order', order.id) },
  { label: 'Status', value: (order) => h('span', {}, state(order.status), ...flags(order)) },
  ...(within === 'batch' ? [] : [{ label: 'Batch', class: 'mid', value: (order) => link('batch', order.batch_id) },
    { label: 'Portfolio', class: 'wide', value: (order) => order.portfolio_id }]),
  { label: 'Instrument', class: 'instrument', value: (order) => order.symbol },
  { label: 'Side', value: (order) => side(order.side) },
  { label: 'Quantity', figure: true, value: (order) => order.qty },
  { label: 'Limit', figure: true, class: 'mid', value: (order) => order.price_limit },
  { label: 'Executed', figure: true, value: (order) => order.fill_qty },
  { label: 'Average', figure: true, class: 'mid', value: (order) => order.fill_price },
  { label: 'Broker', class: 'mid', value: (order) => order.broker },
  { label: 'Placed (UTC)', class: 'widest', value: (order) => time(order.created_at) },
  { label: 'Reason', class: 'widest reason', value: (order) => order.reason },
  { label: 'Actions', class: 'doing', value: (order) => actions(desk, order) },
];

export const orderGrid = (desk, label, within) =>
  grid(label, orderColumns(desk, within), { empty: 'No orders here.', mark: (order) => `${order.id}/${order.version}` });

// Pages run newest first; a cursor for each page gone past leads back.
export function pager(turn) {
  const cursors = [''];
  const newer = button('← Newer', 'newer', () => { cursors.pop(); turn(); });
  const older = button('Older →', 'older', () => { cursors.push(older.dataset.cursor); turn(); });
  const where = h('span', { class: 'where' });
  return {
    element: h('div', { class: 'pager' }, newer, where, older),
    cursor: () => cursors.at(-1),
    update(next, count) {
      newer.disabled = cursors.length === 1;
      older.disabled = next === null;
      older.dataset.cursor = next ?? '';
      where.textContent = `Page ${cursors.length} · ${count} ${cursors.length === 1 ? 'newest' : 'older'}`;
    },
  };
}

const FILTERS = ['status', 'portfolio_id', 'batch_id', 'broker', 'instrument_id'];

export function ordersView(desk, parameters) {
  const chosen = Object.fromEntries(FILTERS.map((name) => [name, parameters.get(name) ?? '']));
  const form = h('form', { class: 'filters', role: 'search', 'aria-label': 'Filter of orders' },
    field('Status', choice('status', [['', 'all'], ...STATUSES.map((one) => [one, one.replaceAll('_', ' ')])], chosen.status)),
    numberField('portfolio_id', 'Portfolio', chosen.portfolio_id),
    numberField('batch_id', 'Batch', chosen.batch_id),
    field('Broker', choice('broker', [['', 'all'], ...desk.brokers.map(({ broker_name: name }) => [name, name])], chosen.broker)),
    numberField('instrument_id', 'Instrument', chosen.instrument_id),
    h('button', { type: 'submit', class: 'primary' }, 'Filter'),
    h('a', { class: 'clear', href: '#/orders', hidden: FILTERS.every((name) => !chosen[name]) }, 'Clear'));
  const apply = () => { if (form.reportValidity()) location.hash = `#/orders${service.query(Object.fromEntries(new FormData(form)))}`; };
  form.addEventListener('submit', (event) => { event.preventDefault(); apply(); });
  form.addEventListener('change', (event) => { if (event.target.tagName === 'SELECT') apply(); });
  const rows = orderGrid(desk, 'Orders');
  const pages = pager(() => { rows.forget(); desk.refresh(); });
  return {
    title: 'Orders',
    element: h('div', { class: 'view' }, h('div', { class: 'bar-of-view' }, h('h1', {}, 'Orders'), form), rows.element, pages.element),
    async refresh() {
      const page = await service.get('api/v1/orders', { ...chosen, newest_first: 'true', limit: '50', cursor: pages.cursor() });
      rows.update(page.orders);
      pages.update(page.next_cursor, page.orders.length);
    },
  };
}

export const executionColumns = [
  { label: 'Execution', class: 'id', value: (row) => row.execution_id },
  { label: 'Kind', value: (row) => row.kind },
  { label: 'Quantity', figure: true, value: (row) => row.qty },
  { label: 'Price', figure: true, value: (row) => row.price },
  { label: 'Fees', figure: true, value: (row) => row.fees },
  { label: 'Executed (UTC)', class: 'mid', value: (row) => time(row.executed_at) },
];

const eventColumns = [
  { label: 'Time (UTC)', value: (event) => time(event.time) },
  { label: 'Event', value: (event) => event.type },
  { label: 'Sequence', figure: true, class: 'mid', value: (event) => event.seq },
  { label: 'Status', value: (event) => (event.data.status ? state(event.data.status) : null) },
  { label: 'Reason', class: 'reason', value: (event) => event.data.reason },
];

const terms = (order) => facts([
  ['Batch', link('batch', order.batch_id)], ['Portfolio', order.portfolio_id], ['Instrument', `${order.symbol} (${order.instrument_id})`],
  ['Side', side(order.side)], ['Type', `${order.order_type}, ${order.time_in_force}`], ['Quantity', figure(order.qty)],
  ['Limit', figure(order.price_limit)], ['Stop', figure(order.stop_price)], ['Multiplier', figure(order.multiplier)],
  ['Margin held', figure(order.margin_reserved)],
]);

const progress = (order) => facts([
  ['Executed', figure(order.fill_qty)], ['Open', figure(order.remaining_qty)], ['Average price', figure(order.fill_price)],
  ['Value', figure(order.fill_notional)], ['Fees', figure(order.fees)], ['Broker', order.broker],
  ['Client order id', order.client_order_id], ['Broker order id', order.ext_order_id], ['Attempt', order.attempt],
  ['Reason', order.reason],
]);

const times = (order) => facts([
  ['Placed', time(order.created_at)], ['Sent', time(order.submitted_at)], ['Acknowledged', time(order.acked_at)],
  ['Last execution', time(order.executed_at)], ['Ended', time(order.ended_at)], ['Settled', time(order.settled_at)],
]);

export function orderView(desk, id) {
  const head = h('div', { class: 'bar-of-view' });
  const cards = h('div', { class: 'cards' });
  const executions = grid('Executions', executionColumns, { empty: 'Nothing executed.', key: (row) => row.execution_id });
  const events = grid('Events', eventColumns, { empty: 'No events.' });
  return {
    title: `Order ${id}`,
    element: h('div', { class: 'view' }, head, cards, card('Executions', executions.element), card('Events', events.element)),
    async refresh() {
      const [order, log] = await Promise.all([service.get(`api/v1/orders/${id}`), service.get('api/v1/events', { order_id: id, limit: '1000' })]);
      refill(head, h('h1', {}, `Order ${id}`), state(order.status), ...flags(order), actions(desk, order));
      refill(cards, card('Terms', terms(order)), card('Progress', progress(order)), card('Times (UTC)', times(order)));
      executions.update(order.executions);
      events.update(log.events);
    },
  };
}
