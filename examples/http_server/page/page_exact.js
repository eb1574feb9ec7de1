// Exact figures. A JavaScript number holds about 15 digits, and a value here may have 38: no figure ever becomes
// one. JSON numbers are read as the text they were sent as, shown as that text, and compared in whole units.

const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

// JSON.parse in which every number comes out as a string of its own digits. Strings are matched as well, so
// that digits within them stay untouched.
export function parseJson(text) {
  return JSON.parse(text.replace(STRING_OR_NUMBER, (token) => (token.startsWith('"') ? token : `"${token}"`)));
}

const DECIMALS = 18;
const FIGURE = /^(-?)(\d+)(?:\.(\d+))?$/;

export const isFigure = (text) => FIGURE.test(text);

// The figure in units of its 18th decimal: what two figures are compared by.
export function units(text) {
  const [, sign, whole, fraction = ''] = FIGURE.exec(text);
  const magnitude = BigInt(whole + fraction.slice(0, DECIMALS).padEnd(DECIMALS, '0'));
  return sign ? -magnitude : magnitude;
}

export const magnitude = (value) => (value < 0n ? -value : value);

// part / whole in tenths of a percent, cut: for the length of a bar, never for a figure.
export const permille = (part, whole) => (whole === 0n ? 0 : Number((part * 1000n) / whole));

export const decimalsOf = (text) => (FIGURE.exec(text)?.[3] ?? '').length;

// Groups of three digits: ['-1', '234', '567'], and '.25'. The page sets them apart by a margin, so that what is
// copied is the figure as it was sent.
export function groups(text) {
  const [, sign, whole, fraction] = FIGURE.exec(text);
  const first = whole.length % 3 || 3;
  const parts = [sign + whole.slice(0, first)];
  for (let at = first; at < whole.length; at += 3) parts.push(whole.slice(at, at + 3));
  return { parts, fraction: fraction === undefined ? '' : `.${fraction}` };
}
