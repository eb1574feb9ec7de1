// Health, and the stop switches.

import * as service from './page_service.js';
import { ask, button, card, choice, facts, field, figure, grid, h, refill, time } from './page_elements.js';

export const scopeWords = (halt) => (halt.scope === 'all' ? 'Everything' : `${halt.scope === 'broker' ? 'Broker' : 'Portfolio'} ${halt.target}`);
const modeWords = (mode) => (mode === 'cancel_only' ? 'only cancels leave' : 'nothing leaves, no cancel either');

export async function resume(desk, halt) {
  const sure = await ask({
    title: `Resume ${scopeWords(halt).toLowerCase()}?`, text: `Stopped because: ${halt.reason}`,
    confirm: 'Resume', leave: 'Leave it stopped',
  });
  if (sure) await desk.act(() => service.post('api/v1/resume', halt.scope === 'all' ? { scope: 'all' } : { scope: halt.scope, target: halt.target }), `Resumed: ${scopeWords(halt).toLowerCase()}`);
}

async function halt(desk, values) {
  const wanted = { scope: values.scope, reason: values.reason, mode: values.mode };
  if (values.scope !== 'all') wanted.target = values.target;
  const sure = await ask({
    title: `Halt ${scopeWords(wanted).toLowerCase()}?`,
    text: `New orders are refused, and ${modeWords(wanted.mode)}, until somebody resumes. Reason: ${wanted.reason}`,
    confirm: 'Halt', danger: true, leave: 'Do not halt',
  });
  if (!sure) return false;
  return await desk.act(() => service.post('api/v1/halt', wanted), `Halted: ${scopeWords(wanted).toLowerCase()}`) !== null;
}

function haltForm(desk) {
  const target = h('input', { name: 'target', autocomplete: 'off', disabled: true });
  const scope = choice('scope', [['all', 'everything'], ['portfolio', 'a portfolio'], ['broker', 'a broker']]);
  scope.addEventListener('change', () => {
    target.disabled = scope.value === 'all';
    target.required = !target.disabled;
    target.placeholder = scope.value === 'broker' ? 'name' : 'id';
  });
  const form = h('form', { class: 'halt', 'aria-label': 'Halt' }, field('Stop', scope), field('Which', target),
    field('Mode', choice('mode', [['halt', 'nothing leaves'], ['cancel_only', 'only cancels leave']])),
    field('Reason', h('input', { name: 'reason', required: true, autocomplete: 'off', maxlength: '200' }), 'long'),
    h('button', { type: 'submit', class: 'danger' }, 'Halt …'));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (await halt(desk, Object.fromEntries(new FormData(form)))) form.reset();
  });
  return form;
}

// For everybody's orders, on the word of an operator: what is due by the brokers' calendars, and nothing else.
function settleForm(desk) {
  const form = h('form', { class: 'settle', 'aria-label': 'Settle' },
    field('Due on or before', h('input', { name: 'as_of', type: 'date', required: true, value: new Date().toISOString().slice(0, 10) })),
    h('button', { type: 'submit', class: 'plain' }, 'Settle …'));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const { as_of: day } = Object.fromEntries(new FormData(form));
    const sure = await ask({ title: `Settle what is due on or before ${day}?`, text: 'Of every portfolio and broker. What is settled stays so.', confirm: 'Settle', danger: true, leave: 'Do not settle' });
    if (!sure) return;
    const done = await desk.act(() => service.post('api/v1/settle', { as_of: day }));
    if (done) refill(told, `Settled: ${done.settled.length}. Not due by then: ${done.not_due}.`);
  });
  const told = h('p', { class: 'note', role: 'status' });
  return h('div', {}, form, told);
}

const dependencyColumns = [
  { label: 'What for', value: (one) => one.role.replaceAll('_', ' ') },
  { label: 'What', value: (one) => [one.name, one.version].filter(Boolean).join(' ') },
  { label: 'Where', class: 'mid id', value: (one) => one.location },
  { label: 'Round trip, µs', figure: true, class: 'mid', value: (one) => one.latency_us },
  { label: 'State', value: (one) => h('span', { class: `lamp ${one.state}` }, one.state) },
  { label: 'Detail', class: 'reason', value: (one) => one.detail },
];

const CIRCUIT = { closed: 'ok', half_open: 'degraded', open: 'down' };

const brokerColumns = [
  { label: 'Broker', value: (one) => one.broker_name },
  { label: 'Takes orders', value: (one) => h('span', { class: `lamp ${one.active ? 'ok' : 'down'}` }, one.active ? 'yes' : 'switched off') },
  { label: 'Breaker', value: (one) => h('span', { class: `lamp ${CIRCUIT[one.circuit] ?? ''}` }, (one.circuit ?? 'not used yet').replaceAll('_', ' ')) },
  { label: 'Failures in a row', figure: true, class: 'mid', value: (one) => one.failures },
  { label: 'Next try, ms', figure: true, class: 'mid', value: (one) => one.retry_in_ms },
  { label: 'Class', class: 'mid', value: (one) => one.capabilities?.broker_class.replaceAll('_', ' ') },
  { label: 'Mock', class: 'mid', value: (one) => (one.simulated ? 'yes' : 'no') },
  { label: 'Reason', class: 'reason', value: (one) => one.reason },
];

export function healthView(desk) {
  const lamps = h('div');
  const halts = grid('Stop switches that are on', [
    { label: 'Stopped', value: (one) => scopeWords(one) },
    { label: 'Mode', class: 'mid', value: (one) => modeWords(one.mode) },
    { label: 'Reason', class: 'reason', value: (one) => one.reason },
    { label: 'Since (UTC)', class: 'mid', value: (one) => time(one.since) },
    { label: 'By', class: 'mid', value: (one) => one.by },
    { label: 'Actions', class: 'doing', value: (one) => (desk.may('operate') ? button('Resume …', `resume-${one.scope}-${one.target}`, () => resume(desk, one)) : null) },
  ], { empty: 'None: orders leave.', key: (one) => `${one.scope}/${one.target}` });
  const dependencies = grid('Dependencies', dependencyColumns, { empty: 'None.', key: (one) => one.role });
  const dependenciesCard = card('Dependencies', dependencies.element);
  const brokers = grid('Brokers', brokerColumns, { empty: 'None.', key: (one) => one.broker_name });
  return {
    title: 'Health',
    element: h('div', { class: 'view' }, h('div', { class: 'bar-of-view' }, h('h1', {}, 'Health')), lamps,
      card('Stop switches', halts.element, desk.may('operate') ? haltForm(desk) : h('p', { class: 'note' }, 'Halting and resuming needs a key that may operate.')),
      desk.may('operate') ? card('Settlement', settleForm(desk)) : null, dependenciesCard, card('Brokers', brokers.element)),
    async refresh() {
      const health = await desk.health();
      const rows = (await service.get('api/v1/brokers')).brokers;
      halts.update(health.halts);
      dependenciesCard.hidden = health.dependencies === undefined;
      if (dependenciesCard.hidden) {
        refill(lamps, card('Service', h('p', { class: 'note' }, 'Details of the service need a key that may operate.')));
        brokers.update(rows.map((row) => ({ ...row, circuit: 'not shown' })));
        return;
      }
      refill(lamps, card('Service', facts([
        ['New orders', h('span', { class: `lamp ${health.ok ? 'ok' : 'down'}` }, health.ok ? 'accepted' : 'refused')],
        ['Orders in doubt', figure(health.unknown_orders)], ['Parked for a person', figure(health.parked_orders)],
        ['Events in the outbox', figure(health.outbox.rows)], ['Oldest event there', time(health.outbox.oldest)],
        ['Detail', health.detail],
      ])));
      dependencies.update(health.dependencies);
      brokers.update(rows.map((row) => ({ ...row, ...health.brokers.find((one) => one.broker === row.broker_name) })));
    },
  };
}
