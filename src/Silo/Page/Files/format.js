// Numbers, times and states in words.

const plain = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const known = value => typeof value === 'number' && Number.isFinite(value);

/** Four significant digits; very large and very small ones by powers of ten. */
export function number(value) {
  if (!known(value)) return '–';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) return value.toExponential(2).replace('e+', 'e');
  return size >= 1000 ? plain.format(value) : String(Number(value.toPrecision(4)));
}

export const count = value => (known(value) ? plain.format(value) : '–');
export const percent = part => `${Math.floor(part * 100)} %`;

export function duration(seconds) {
  if (!known(seconds)) return '–';
  if (seconds < 1) return `${Number(seconds.toPrecision(2))} s`;
  const units = [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]];
  const first = units.findIndex(([, size]) => seconds >= size);
  const [[name, size], below] = [units[first], units[first + 1]];
  const rest = below ? Math.floor((seconds % size) / below[1]) : 0;
  return rest ? `${Math.floor(seconds / size)} ${name} ${rest} ${below[0]}` : `${Math.floor(seconds / size)} ${name}`;
}

export function bytes(value) {
  if (!known(value)) return '–';
  const power = Math.min(4, Math.floor(Math.log2(Math.max(1, value)) / 10));
  return `${Number((value / 1024 ** power).toPrecision(3))} ${['bytes', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`;
}

export const secondsSince = time => Math.max(0, (Date.now() - Date.parse(time)) / 1000);
export const clock = time => new Date(time).toLocaleTimeString('en-GB');
export const date = time => new Date(time).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
export const hash = text => (text ? text.slice(0, 12) : '–');
export const plural = (many, word) => `${count(many)} ${word}${many === 1 ? '' : 's'}`;

const LIVE = ['queued', 'starting', 'running', 'recovering', 'paused', 'stopping'];
export const isLive = run => LIVE.includes(run.state);
export const isMoving = run => ['running', 'recovering'].includes(run.state);

export const part = run => (run.totalSteps ? Math.min(1, (run.step ?? 0) / run.totalSteps) : 0);
export const speed = run => (run.unitsPerSecond > 0 ? `${number(run.unitsPerSecond)} ${run.unit}/s` : '–');
export const born = run => run.started ?? run.since;
