// The operator's page: which view is shown, what refreshes it, and who looks.
//
// Nothing is kept here that the service does not say again: an event only makes the view stale, and a stale view is
// asked for once more. So the page cannot drift from the book, and a burst of events costs one request.

import * as service from './page_service.js';
import { ask, button, field, h, refill, time } from './page_elements.js';
import { orderView, ordersView } from './page_orders.js';
import { batchView, batchesView } from './page_batches.js';
import { healthView, resume, scopeWords } from './page_health.js';

const ROLES = ['read', 'trade', 'operate'];
const REFRESH_PAUSE_MS = 300;
const LOOK_AGAIN_MS = 5000;  // for what no event tells of, and for a stream that is down
const NOTICE_MS = 8000;

const byId = (id) => document.getElementById(id);

class Desk {
  brokers = [];
  #view = null;
  #role = 'read';
  #entering = null;

  // --- who looks ---

  may(role) {
    return ROLES.indexOf(this.#role) >= ROLES.indexOf(role);
  }

  // The role is told to callers with a key only; a service without keys tells it to everybody on its machine.
  async #enter() {
    while (await this.health() === null) {
      const values = await ask({
        title: 'API key', text: service.key.get() ? 'The service does not know this key.' : 'This service asks for a key. It stays in this tab, and is gone when the tab is closed.',
        fields: [field('Key', h('input', { name: 'key', type: 'password', required: true, autocomplete: 'off' }))],
        confirm: 'Enter', leave: null,
      });
      if (values?.key) service.key.set(values.key.trim());
    }
    byId('leave').hidden = service.key.get() === null;
    this.brokers = (await service.get('api/v1/brokers')).brokers;
  }

  // One dialog, however many requests were refused.
  async enter() {
    this.#entering ??= this.#enter().finally(() => { this.#entering = null; });
    await this.#entering;
  }

  // How the service is, and null to somebody whom it does not know.
  async health() {
    const { status, role, health } = await service.health().catch((error) => {
      if (error.status === 401) return { status: 'locked' };
      throw error;
    });
    const lamp = byId('service');
    lamp.className = `lamp ${{ ok: 'ok', degraded: 'degraded' }[status] ?? 'down'}`;
    lamp.textContent = status;
    if (role === undefined) return null;
    this.#role = role;
    // Details are for operators; the stops are everybody's.
    const shown = health ?? { halts: (await service.get('api/v1/halts')).halts };
    this.#showHalts(shown.halts);
    return shown;
  }

  #showHalts(halts) {
    refill(byId('halts'), ...halts.map((halt) =>
      h('div', { class: 'halted' },
        h('strong', {}, halt.mode === 'cancel_only' ? 'Cancels only' : 'Halted'),
        h('span', {}, [scopeWords(halt), halt.reason].filter(Boolean).join(': ')),
        h('span', { class: 'note' }, 'since ', time(halt.since), halt.by ? ` by ${halt.by}` : ''),
        this.may('operate') ? button('Resume …', `banner-${halt.scope}-${halt.target}`, () => resume(this, halt)) : null)));
  }

  // --- views ---

  show() {
    const [path, search = ''] = location.hash.slice(1).split('?');
    const [, name = 'orders', id] = path.split('/');
    const parameters = new URLSearchParams(search);
    if (name === 'batches') this.#view = batchesView(this, parameters);
    else if (name === 'health') this.#view = healthView(this);
    else if (name === 'batch' && /^[1-9]\d*$/.test(id)) this.#view = batchView(this, id);
    else if (name === 'order' && /^[1-9]\d*$/.test(id)) this.#view = orderView(this, id);
    else this.#view = ordersView(this, parameters);
    document.title = `${this.#view.title} · Orchestrator`;
    const tab = { batch: 'batches', batches: 'batches', health: 'health' }[name] ?? 'orders';
    for (const link of document.querySelectorAll('nav a')) {
      if (link.dataset.view === tab) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    byId('content').replaceChildren(this.#view.element);
    this.refresh();
  }

  // One refresh of a view at a time; what changed during it is asked for after a pause, the longer the more it asks for.
  async refresh() {
    const view = this.#view;
    view.stale = true;
    if (view.working) return;
    view.working = true;
    while (view.stale && view === this.#view) {
      view.stale = false;
      const start = performance.now();
      await view.refresh().catch((error) => this.#failed(error));
      await service.sleep(Math.max(REFRESH_PAUSE_MS, 2 * (performance.now() - start)));
    }
    view.working = false;
  }

  // Does what a button asks for, says how it went, and gives the answer, or null.
  async act(work, done) {
    let answer = null;
    try {
      answer = await work();
      if (done) this.#notice('good', done);
    } catch (error) {
      this.#failed(error);
    }
    await this.#lookAtHealth();
    this.refresh();
    return answer;
  }

  // --- telling ---

  #notice(kind, text, details = []) {
    const notice = h('div', { class: `notice ${kind}`, role: kind === 'bad' ? 'alert' : null }, h('div', {}, h('p', {}, text), ...details.map((line) => h('p', { class: 'note' }, line))),
      h('button', { type: 'button', class: 'plain', 'aria-label': 'Dismiss', click: () => notice.remove() }, '×'));
    byId('notices').append(notice);
    while (byId('notices').children.length > 4) byId('notices').firstElementChild.remove();
    if (kind === 'good') setTimeout(() => notice.remove(), NOTICE_MS);
  }

  #failed(error) {
    if (error.status === 401) {
      this.enter().then(() => this.refresh());
      return;
    }
    const last = byId('notices').lastElementChild;
    if (last?.classList.contains('bad') && last.querySelector('p').textContent === error.message) return;
    this.#notice('bad', error.message, [
      ...(error.violations ?? []).map((one) => `${one.field ?? ''} ${one.code}: ${one.message}`),
      ...(error.code ? [`${error.code}${error.requestId ? ` · request ${error.requestId}` : ''}`] : []),
    ]);
  }

  // --- going on ---

  async #lookAtHealth() {
    try {
      await this.health();
    } catch (error) {
      byId('service').className = 'lamp down';
      byId('service').textContent = 'unreachable';
    }
  }

  // Until the service answers.
  async #begin() {
    for (;;) {
      try {
        return await this.enter();
      } catch (error) {
        byId('service').className = 'lamp down';
        byId('service').textContent = 'unreachable';
        this.#failed(error);
      }
      await service.sleep(LOOK_AGAIN_MS);
    }
  }

  async run() {
    byId('leave').addEventListener('click', () => { service.key.forget(); location.reload(); });
    await this.#begin();
    this.show();
    window.addEventListener('hashchange', () => {
      this.show();
      byId('content').focus({ preventScroll: true });
    });
    setInterval(() => { if (!document.hidden) { this.#lookAtHealth(); this.refresh(); } }, LOOK_AGAIN_MS);
    const lamp = byId('stream');
    await service.follow(() => this.refresh(), (state) => {
      lamp.className = `lamp ${state === 'live' ? 'ok' : 'degraded'}`;
      lamp.textContent = state === 'live' ? 'live' : 'reconnecting';
      if (state === 'live') this.refresh();
    });
  }
}

new Desk().run();
