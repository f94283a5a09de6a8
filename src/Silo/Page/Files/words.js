// The map of a word2vec run's vectors: words that are used alike lie near each other.

import { get, of } from './api.js';
import { prepare } from './chart.js';
import { colour, onTheme } from './colours.js';
import { h, show } from './dom.js';
import { count } from './format.js';
import { inFrame } from './pace.js';
import { failure, note } from './parts.js';

const NEIGHBOURS = 20;
const REACH = 14; // pixels around a point that belong to it

export function wordsTab(run) {
  const canvas = h('canvas', { class: 'map', role: 'img', tabindex: 0, 'aria-label': 'Map of words' });
  const side = h('div', { class: 'neighbours' });
  const message = h('div', null, note('Loading …'));
  const search = h('input', { type: 'search', placeholder: 'Find a word', 'aria-label': 'Find a word' });
  const node = h('div', null,
    h('form', { class: 'tools', onsubmit: event => { event.preventDefault(); choose(search.value.trim()); } }, search, h('button', null, 'Find'),
      h('button', { type: 'button', onclick: () => zoom(1.5), 'aria-label': 'Enlarge' }, '+'), h('button', { type: 'button', onclick: () => zoom(1 / 1.5), 'aria-label': 'Reduce' }, '−'),
      h('button', { type: 'button', onclick: whole }, 'Show all')),
    message, h('div', { class: 'map-and-list' }, canvas, side));
  let map = null, view = { x: 0, y: 0, scale: 1 }, chosen = null, near = new Set(), drag = null;

  const across = at => (map.x[at] - view.x) * view.scale + canvas.clientWidth / 2;
  const down = at => (view.y - map.y[at]) * view.scale + canvas.clientHeight / 2;
  const repaint = () => inFrame(paint);

  function whole() {
    if (!map) return;
    const [left, right, low, high] = [Math.min(...map.x), Math.max(...map.x), Math.min(...map.y), Math.max(...map.y)];
    const scale = 0.92 * Math.min(canvas.clientWidth / (right - left || 1), canvas.clientHeight / (high - low || 1));
    view = { x: (left + right) / 2, y: (low + high) / 2, scale };
    repaint();
  }

  function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const [dx, dy] = [(x - canvas.clientWidth / 2) / view.scale, (canvas.clientHeight / 2 - y) / view.scale];
    view = { x: view.x + dx * (1 - 1 / factor), y: view.y + dy * (1 - 1 / factor), scale: view.scale * factor };
    repaint();
  }

  function pan(x, y) {
    view = { ...view, x: view.x - x / view.scale, y: view.y + y / view.scale };
    repaint();
  }

  function paint() {
    if (!map || !canvas.clientWidth) return;
    const { context, width, height } = prepare(canvas);
    const taken = [];
    const seen = [...map.words.keys()].filter(at => across(at) > -20 && across(at) < width + 20 && down(at) > -10 && down(at) < height + 10);
    context.fillStyle = colour('faint');
    for (const at of seen) context.fillRect(across(at) - 1, down(at) - 1, 2, 2);
    context.textBaseline = 'middle';
    // The chosen word and its neighbours first, then by how common they are, as long as there is room.
    const weight = at => (at === chosen ? 2 : near.has(map.words[at]) ? 1 : 0);
    for (const at of seen.sort((a, b) => weight(b) - weight(a) || a - b)) write(context, at, weight(at), taken);
  }

  function write(context, at, weight, taken) {
    context.font = `${weight ? '600 13px' : '12px'} system-ui, sans-serif`;
    const [x, y] = [across(at), down(at)];
    const box = { left: x, right: x + 8 + context.measureText(map.words[at]).width, top: y - 9, bottom: y + 9 };
    const crowded = taken.some(other => box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom);
    if (crowded && !weight) return;
    context.fillStyle = colour(weight ? 'accent' : 'text');
    context.beginPath();
    context.arc(x, y, weight === 2 ? 5 : weight ? 3.5 : 2, 0, 2 * Math.PI);
    context.fill();
    if (crowded) return;
    taken.push(box);
    context.fillText(map.words[at], x + 7, y);
  }

  async function choose(word) {
    if (!word) return;
    search.value = word;
    try {
      const { neighbours } = await get(`${of(run.id, 'words', word, 'neighbours')}?count=${NEIGHBOURS}`);
      near = new Set(neighbours.map(each => each.word));
      chosen = map?.words.indexOf(word) ?? -1;
      if (chosen >= 0) bringIntoView(chosen);
      show(side, h('h2', null, `Near “${word}”`), h('ol', null, ...neighbours.map(each =>
        h('li', null, h('button', { class: 'plain', onclick: () => choose(each.word) }, each.word), h('span', { class: 'muted' }, each.similarity.toFixed(3))))));
    } catch (error) {
      show(side, failure(error));
    }
    repaint();
  }

  function bringIntoView(at) {
    const [x, y] = [across(at), down(at)];
    if (x < 20 || y < 20 || x > canvas.clientWidth - 80 || y > canvas.clientHeight - 20) view = { ...view, x: map.x[at], y: map.y[at] };
  }

  function wordAt(x, y) {
    let found = -1, least = REACH ** 2;
    for (let at = 0; at < map.words.length; at++) {
      const distance = (across(at) - x) ** 2 + (down(at) - y) ** 2;
      if (distance < least) [found, least] = [at, distance];
    }
    return found;
  }

  canvas.addEventListener('wheel', event => {
    event.preventDefault();
    zoom(1.0015 ** -event.deltaY, event.offsetX, event.offsetY);
  }, { passive: false });
  canvas.onpointerdown = event => {
    canvas.setPointerCapture(event.pointerId);
    drag = { x: event.offsetX, y: event.offsetY, far: 0 };
  };
  canvas.onpointermove = event => {
    if (!drag) return;
    const [x, y] = [event.offsetX - drag.x, event.offsetY - drag.y];
    drag = { x: event.offsetX, y: event.offsetY, far: drag.far + Math.abs(x) + Math.abs(y) };
    pan(x, y);
  };
  canvas.onpointerup = event => {
    const at = map && drag?.far < 4 ? wordAt(event.offsetX, event.offsetY) : -1;
    drag = null;
    if (at >= 0) choose(map.words[at]);
  };
  canvas.onpointercancel = () => { drag = null; };
  canvas.onkeydown = event => {
    const [x, y] = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key] ?? [0, 0];
    if (x || y) pan(x, y);
    else if (event.key === '+') zoom(1.5);
    else if (event.key === '-') zoom(1 / 1.5);
    else if (event.key === 'Escape') whole();
    else return;
    event.preventDefault();
  };

  async function load() {
    try {
      map = await get(of(run.id, 'words'));
      show(message);
      show(side, note(`The ${count(map.words.length)} most common words. Choose one, or find any of the vocabulary, to see what is near it.`));
      canvas.setAttribute('aria-label', `Map of ${count(map.words.length)} words, such as ${map.words.slice(0, 5).join(', ')}. Find a word to hear its neighbours; arrow keys move the map, plus and minus zoom.`);
      whole();
    } catch (error) {
      show(message, failure(error));
    }
  }

  const size = new ResizeObserver(repaint);
  size.observe(canvas);
  const leaveTheme = onTheme(repaint);
  load();
  return { node, back: () => !map && load(), leave: () => { size.disconnect(); leaveTheme(); } };
}
