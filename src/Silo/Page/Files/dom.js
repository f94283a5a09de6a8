// Elements, and how those on the screen come to equal those that a view describes. Text goes in as text, never as markup.

const HANDLERS = ['onclick', 'onchange', 'oninput', 'onkeydown', 'onsubmit', 'onscroll', 'onload'];
const PROPERTIES = new Set(['value', 'checked', 'disabled', 'open', 'selected', ...HANDLERS]);

/** An element: h('a', { href: '/', class: 'brand' }, 'Granary'). Children that are null or false are left out. */
export function h(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** The same for SVG. */
export function svg(tag, properties, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'style') Object.assign(element.style, value);
    else if (PROPERTIES.has(name)) element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false));
  return element;
}

/** Makes the children of an element equal to those given, and keeps what already is: focus, selection and scrolling stay. */
export function show(parent, ...children) {
  morphChildren(parent, h('div', null, ...children));
}

/** Makes an element equal to another of its kind; returns the one that now stands in its place. */
export function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
    return fresh;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return old;
  }
  morphAttributes(old, fresh);
  for (const handler of HANDLERS) old[handler] = fresh[handler];
  morphChildren(old, fresh);
  if (old !== document.activeElement) {
    for (const name of ['value', 'checked']) if (name in old && old[name] !== fresh[name]) old[name] = fresh[name];
  }
  return old;
}

function morphChildren(old, fresh) {
  const wanted = [...fresh.childNodes];
  wanted.forEach((child, at) => (at < old.childNodes.length ? morph(old.childNodes[at], child) : old.append(child)));
  while (old.childNodes.length > wanted.length) old.lastChild.remove();
}

function morphAttributes(old, fresh) {
  // The content policy forbids the attribute of styles, not the object behind it.
  if (old.style.cssText !== fresh.style.cssText) old.style.cssText = fresh.style.cssText;
  for (const { name } of [...old.attributes]) if (name !== 'style' && !fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (name !== 'style' && old.getAttribute(name) !== value) old.setAttribute(name, value);
}
