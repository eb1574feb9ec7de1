// The service as the page sees it: requests, problems, and the stream of events.
//
// The key is kept in this tab's session storage alone, and leaves it only in the Authorization header: that is why
// the stream is read by fetch, as an EventSource sends no header.

import { parseJson } from './page_exact.js';

const KEY = 'orchestrator.key';
export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (text) => sessionStorage.setItem(KEY, text),
  forget: () => sessionStorage.removeItem(KEY),
};

// What the service answered when it did not do what was asked: an application/problem+json document.
export class Problem extends Error {
  constructor(status, document) {
    super(document.detail ?? document.title ?? `the service answered with status ${status}`);
    this.status = status;
    this.code = document.code ?? '';
    this.requestId = document.request_id ?? '';
    this.violations = document.violations ?? [];
  }
}

function headers(more) {
  const own = key.get();
  return own ? { ...more, Authorization: `Bearer ${own}` } : more;
}

async function problemOf(response) {
  let document = {};
  try {
    document = parseJson(await response.text());
  } catch {
    // Not ours: something between the page and the service answered.
  }
  return new Problem(response.status, document);
}

async function call(path, options, accepted = []) {
  let response;
  try {
    response = await fetch(path, { ...options, cache: 'no-store', credentials: 'same-origin' });
  } catch {
    throw new Problem(0, { detail: 'The service cannot be reached.' });
  }
  if (!response.ok && !accepted.includes(response.status)) throw await problemOf(response);
  return parseJson(await response.text());
}

export function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== '' && value !== undefined && value !== null);
  return given.length ? `?${new URLSearchParams(given)}` : '';
}

export const get = (path, parameters = {}) => call(path + query(parameters), { headers: headers({}) });

// {status, role, health}: the role for callers with a key only, health for operators. 503 is an answer here: it says what is wrong.
export const health = () => call('health', { headers: headers({}) }, [503]);

export const post = (path, body = {}) =>
  call(path, { method: 'POST', headers: headers({ 'Content-Type': 'application/json' }), body: JSON.stringify(body) });

// Server-sent events out of a body: {id, data} each.
export async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      const event = { id: null, data: '' };
      for (const line of block.split('\n')) {
        if (line.startsWith('id:')) event.id = line.slice(3).trim();
        if (line.startsWith('data:')) event.data += line.slice(5).trim();
      }
      if (event.data) yield event;
    }
  }
}

const PAUSE_MS = 1000;
const PAUSE_MAX_MS = 15000;
export const sleep = (milliseconds) => new Promise((wake) => { setTimeout(wake, milliseconds); });

// Follows the events from now on, for as long as the page is open; after a break it goes on behind the last one it
// saw. tell(state): 'live', or 'waiting' while the stream is down.
export async function follow(onEvent, tell) {
  let last = null;
  let pause = PAUSE_MS;
  for (;;) {
    try {
      const from = last === null ? '?after=latest' : '';
      const more = last === null ? {} : { 'Last-Event-ID': last };
      const response = await fetch(`api/v1/events${from}`, { headers: headers({ Accept: 'text/event-stream', ...more }), cache: 'no-store' });
      if (!response.ok) throw await problemOf(response);
      tell('live');
      pause = PAUSE_MS;
      for await (const event of readEvents(response.body)) {
        if (event.id !== null) last = event.id;
        onEvent(parseJson(event.data));
      }
    } catch {
      // Told below; the next try shows whether it has passed.
    }
    tell('waiting');
    await sleep(pause);
    pause = Math.min(PAUSE_MAX_MS, pause * 2);
  }
}
