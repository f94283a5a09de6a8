// The colours of the style sheet, resolved for the canvas, in the theme of the moment.

const CURVES = 8;
const resolved = new Map();
const listeners = new Set();
let probe = null;

export function colour(name) {
  if (!resolved.has(name)) {
    probe ??= document.body.appendChild(document.createElement('i'));
    probe.hidden = true;
    probe.style.color = `var(--${name})`;
    resolved.set(name, getComputedStyle(probe).color);
  }
  return resolved.get(name);
}

/** How the curve of a number looks: beyond eight, colours come again with dashes. */
export const curveColour = index => `curve-${index % CURVES}`;
export const dashes = index => [[], [6, 3], [2, 3]][Math.floor(index / CURVES) % 3];

export function onTheme(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The theme that is kept: 'light', 'dark', or null for the system's. */
const theme = () => document.documentElement.dataset.theme ?? null;
export const isDark = () => (theme() ?? (system.matches ? 'dark' : 'light')) === 'dark';

export function keepTheme(name) {
  document.documentElement.dataset.theme = name;
  try {
    localStorage.setItem('theme', name);
  } catch {
    // It lasts until the page is closed.
  }
  turn();
}

function turn() {
  resolved.clear();
  for (const listener of listeners) listener();
}

const system = matchMedia('(prefers-color-scheme: dark)');
system.addEventListener('change', turn);
