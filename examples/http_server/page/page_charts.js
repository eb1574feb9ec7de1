// Charts drawn as inline SVG. Lengths come from exact units, labels are the figures as they were sent.

import { figure, h } from './page_elements.js';
import { magnitude, permille, units } from './page_exact.js';

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 1000;  // a bar's full length, in permille of the chart

function shape(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// One bar on its scale. A scale with negative figures has its zero line in it.
function bar(value, scale, tone) {
  const svg = shape('svg', { viewBox: `0 0 ${WIDTH} 14`, preserveAspectRatio: 'none', class: 'bar', 'aria-hidden': 'true' });
  svg.append(shape('rect', { x: 0, y: 0, width: WIDTH, height: 14, class: 'track' }));
  const zero = permille(scale.below, scale.below + scale.above);
  if (value !== null) {
    const length = permille(magnitude(value), scale.below + scale.above);
    const shown = value === 0n ? 0 : Math.max(3, length);
    svg.append(shape('rect', { x: value < 0n ? zero - shown : zero, y: 0, width: shown, height: 14, class: `tone-${tone(value)}` }));
  }
  if (scale.below > 0n) svg.append(shape('rect', { x: Math.min(zero, WIDTH - 3), y: 0, width: 3, height: 14, class: 'zero' }));
  return svg;
}

// rows: [{label, value: text | null}]. `tone` names the colour of a value.
export function bars(title, note, rows, tone) {
  const values = rows.map((row) => (row.value === null ? null : units(row.value)));
  const known = values.filter((value) => value !== null);
  const above = known.reduce((most, value) => (value > most ? value : most), 0n);
  const below = -known.reduce((least, value) => (value < least ? value : least), 0n);
  const scale = above + below === 0n ? { above: 1n, below: 0n } : { above, below };
  return h('figure', { class: 'chart' },
    h('figcaption', {}, h('strong', {}, title), h('span', {}, note)),
    h('ul', {}, ...rows.map((row, at) =>
      h('li', {}, h('span', { class: 'label' }, row.label), bar(values[at], scale, tone),
        h('span', { class: 'value' }, figure(row.value))))));
}

// How the orders of a batch stand, as one bar of parts: [{label, count, status}].
export function stack(label, parts) {
  const total = parts.reduce((sum, part) => sum + BigInt(part.count), 0n);
  const svg = shape('svg', { viewBox: `0 0 ${WIDTH} 10`, preserveAspectRatio: 'none', class: 'bar stack', role: 'img', 'aria-label': label });
  let before = 0n;
  for (const part of parts) {
    const x = permille(before, total);
    before += BigInt(part.count);
    if (part.count !== '0') svg.append(shape('rect', { x, y: 0, width: permille(before, total) - x, height: 10, class: `part ${part.status}` }));
  }
  return svg;
}
