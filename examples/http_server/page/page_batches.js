// Batches: the list, and one batch with its orders, executions and reconciliation.

import * as service from './page_service.js';
import { bars, stack } from './page_charts.js';
import { ask, button, card, choice, facts, field, figure, grid, h, refill, state, time } from './page_elements.js';
import { executionColumns, orderGrid, pager } from './page_orders.js';
import { magnitude, permille, units } from './page_exact.js';

const STATUSES = ['pending', 'processing', 'completed', 'partially_completed', 'cancelled', 'failed'];

const parts = (batch) => [
  { label: 'filled', status: 'filled', count: batch.filled_orders },
  { label: 'ended in part', status: 'partially_filled', count: batch.executed_orders },
  { label: 'open', status: 'acked', count: batch.open_orders },
  { label: 'cancelled', status: 'cancelled', count: batch.cancelled_orders },
  { label: 'rejected', status: 'rejected', count: batch.rejected_orders },
];

const words = (batch) => parts(batch).filter((part) => part.count !== '0').map((part) => `${part.count} ${part.label}`).join(', ');

export function batchesView(desk, parameters) {
  const chosen = { status: parameters.get('status') ?? '', portfolio_id: parameters.get('portfolio_id') ?? '' };
  const form = h('form', { class: 'filters', role: 'search', 'aria-label': 'Filter of batches' },
    field('Status', choice('status', [['', 'all'], ...STATUSES.map((one) => [one, one.replaceAll('_', ' ')])], chosen.status)),
    field('Portfolio', h('input', { name: 'portfolio_id', inputmode: 'numeric', pattern: '[1-9][0-9]*', title: 'a whole number', value: chosen.portfolio_id })),
    h('button', { type: 'submit', class: 'primary' }, 'Filter'));
  const apply = () => { if (form.reportValidity()) location.hash = `#/batches${service.query(Object.fromEntries(new FormData(form)))}`; };
  form.addEventListener('submit', (event) => { event.preventDefault(); apply(); });
  form.addEventListener('change', (event) => { if (event.target.tagName === 'SELECT') apply(); });
  const rows = grid('Batches', [
    { label: 'Batch', value: (batch) => h('a', { href: `#/batch/${batch.id}`, 'data-key': `batch-${batch.id}` }, batch.id) },
    { label: 'Portfolio', value: (batch) => batch.portfolio_id },
    { label: 'Status', value: (batch) => state(batch.status) },
    { label: 'Orders', figure: true, value: (batch) => batch.total_orders },
    { label: 'Open', figure: true, value: (batch) => batch.open_orders },
    { label: 'Progress', class: 'mid progress', value: (batch) => stack(words(batch), parts(batch)) },
    { label: 'Placed (UTC)', class: 'mid', value: (batch) => time(batch.created_at) },
    { label: 'Idempotency key', class: 'wide id', value: (batch) => batch.idempotency_key },
  ], { empty: 'No batches here.', mark: (batch) => `${batch.id}/${batch.version}` });
  const pages = pager(() => { rows.forget(); desk.refresh(); });
  return {
    title: 'Batches',
    element: h('div', { class: 'view' }, h('div', { class: 'bar-of-view' }, h('h1', {}, 'Batches'), form), rows.element, pages.element),
    async refresh() {
      const page = await service.get('api/v1/batches', { ...chosen, newest_first: 'true', limit: '50', cursor: pages.cursor() });
      rows.update(page.batches);
      pages.update(page.next_cursor, page.batches.length);
    },
  };
}

const totals = (report) => facts([
  ['Orders', figure(report.total_orders)], ['Filled', figure(report.filled_orders)], ['Pending', figure(report.pending_orders)],
  ['Cancelled', figure(report.cancelled_orders)], ['Rejected', figure(report.rejected_orders)], ['Quantity', figure(report.total_qty)],
  ['Executed quantity', figure(report.filled_qty)], ['Value', figure(report.total_value)], ['Executed value', figure(report.filled_value)],
  ['Expected P&L', figure(report.expected_pnl)], ['Actual P&L', figure(report.actual_pnl)], ['Fees', figure(report.fees)],
]);

const sign = (value) => (value < 0n ? 'bad' : 'good');

function charts(report) {
  const total = units(report.total_value);
  const done = permille(units(report.filled_value), total);
  const slippage = report.instruments
    .map((one) => ({ label: one.symbol, value: one.slippage }))
    .sort((one, other) => (magnitude(units(other.value)) > magnitude(units(one.value)) ? 1 : -1));
  return h('div', { class: 'charts' },
    bars('Value', total === 0n ? 'no limit prices' : `${Math.floor(done / 10)}.${done % 10} % executed`,
      [{ label: 'ordered', value: report.total_value }, { label: 'executed', value: report.filled_value }], () => 'neutral'),
    bars('Matched P&L', report.actual_pnl === null ? 'until both sides have executed' : 'at limits, and as executed',
      [{ label: 'expected', value: report.expected_pnl }, { label: 'actual', value: report.actual_pnl }], sign),
    bars('Slippage', 'against the limit; right is worse', slippage.slice(0, 12), (value) => sign(-value)));
}

const instrumentColumns = [
  { label: 'Instrument', class: 'instrument', value: (one) => one.symbol },
  { label: 'Bought', figure: true, value: (one) => one.bought_qty },
  { label: 'Sold', figure: true, value: (one) => one.sold_qty },
  { label: 'VWAP buy', figure: true, class: 'mid', value: (one) => one.vwap_buy },
  { label: 'VWAP sell', figure: true, class: 'mid', value: (one) => one.vwap_sell },
  { label: 'Net position', figure: true, class: 'mid', value: (one) => one.net_position_change },
  { label: 'Cash flow', figure: true, class: 'mid', value: (one) => one.cash_flow },
  { label: 'P&L', figure: true, value: (one) => one.matched_pnl },
  { label: 'Slippage', figure: true, value: (one) => one.slippage },
  { label: 'Fees', figure: true, class: 'wide', value: (one) => one.fees },
];

const breakColumns = [
  { label: 'Difference', value: (one) => one.type.replaceAll('_', ' ') },
  { label: 'Order', value: (one) => one.order_id },
  { label: 'Field', value: (one) => one.field },
  { label: 'Ours', value: (one) => one.ours },
  { label: 'Theirs', value: (one) => one.theirs },
  { label: 'Execution', class: 'mid id', value: (one) => one.execution_id },
];

// A batch may have 10,000 orders: so many are listed, and of so many the executions are fetched.
const ORDERS_MAX = 200;
const EXECUTED_MAX = 25;

async function executionsOf(orders) {
  const executed = orders.filter((order) => order.executed_at !== null);
  const shown = await Promise.all(executed.slice(0, EXECUTED_MAX).map((order) => service.get(`api/v1/orders/${order.id}`)));
  return { rows: shown.flatMap((order) => order.executions), left: executed.length - shown.length };
}

async function cancelBatch(desk, batch) {
  const sure = await ask({
    title: `Cancel batch ${batch.id}?`, text: `Its ${batch.open_orders} open orders are asked to be cancelled.`,
    confirm: 'Cancel open orders', danger: true,
  });
  if (sure) await desk.act(() => service.post(`api/v1/batches/${batch.id}/cancel`), `Cancel of batch ${batch.id} asked for`);
}

async function compare(desk, id, to, breaks) {
  const answer = await desk.act(() => service.get(`api/v1/reconcile/${id}/breaks`), '');
  if (!answer) return;
  breaks.update(answer.breaks);
  refill(to, card(`Differences from the brokers' books: ${answer.breaks.length}`, breaks.element));
}

export function batchView(desk, id) {
  const head = h('div', { class: 'bar-of-view' });
  const report = h('div', { class: 'report' });
  const differences = h('div');
  const breaks = grid('Differences', breakColumns, { empty: "None: our book and the brokers' agree.", key: (one) => `${one.order_id}/${one.execution_id}/${one.field}` });
  const orders = orderGrid(desk, 'Orders of the batch', 'batch');
  const instruments = grid('By instrument', instrumentColumns, { empty: 'No instruments.', key: (one) => one.instrument_id });
  const columns = [{ label: 'Order', value: (row) => h('a', { href: `#/order/${row.order_id}`, 'data-key': `of-${row.execution_id}` }, row.order_id) }, ...executionColumns];
  const executions = grid('Executions', columns, { empty: 'Nothing executed.', key: (row) => row.execution_id });
  const more = h('p', { class: 'note' });
  const others = h('p', { class: 'note' });
  return {
    title: `Batch ${id}`,
    element: h('div', { class: 'view' }, head, report, differences, card('Orders', orders.element, others),
      card('By instrument', instruments.element), card('Executions', executions.element, more)),
    async refresh() {
      const [batch, sums] = await Promise.all([service.get(`api/v1/batches/${id}`), service.get(`api/v1/reconcile/${id}`)]);
      refill(head, h('h1', {}, `Batch ${id}`), state(batch.status),
        h('span', { class: 'note' }, 'portfolio ', batch.portfolio_id, ' · placed ', time(batch.created_at), ' · key ', batch.idempotency_key),
        h('span', { class: 'actions' },
          desk.may('operate') ? button('Compare with brokers', 'compare', () => compare(desk, id, differences, breaks)) : null,
          desk.may('trade') && batch.open_orders !== '0' ? button('Cancel open orders', 'cancel-batch', () => cancelBatch(desk, batch)) : null));
      refill(report, card('Reconciliation', stack(words(batch), parts(batch)), h('p', { class: 'note' }, words(batch)), totals(sums)), charts(sums));
      orders.update(sums.orders.slice(0, ORDERS_MAX));
      refill(others, ...(sums.orders.length > ORDERS_MAX
        ? [`${sums.orders.length - ORDERS_MAX} more: `, h('a', { href: `#/orders?batch_id=${id}` }, 'all of them in the blotter')] : []));
      instruments.update(sums.instruments);
      const { rows, left } = await executionsOf(sums.orders);
      executions.update(rows);
      more.textContent = left > 0 ? `${left} more orders have executions: open them above.` : '';
    },
  };
}
