// Questions to the silo. Errors are sentences of the server's; status 0 means that it did not answer.

class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const get = path => ask(path);
export const post = (path, body = {}) =>
  ask(path, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Granary': 'page' }, body: JSON.stringify(body) });

/** The address of something of a run: of('lm-7', 'curves'). */
export const of = (run, ...rest) => ['/api/runs', ...[run, ...rest].map(encodeURIComponent)].join('/');

async function ask(path, options) {
  const answer = await fetch(path, options).catch(() => {
    throw new Refusal(0, 'The silo does not answer.');
  });
  if (answer.status === 204) return null;
  const isJson = answer.headers.get('Content-Type')?.includes('json');
  if (answer.ok) return isJson ? answer.json() : answer.text();
  const told = isJson ? (await answer.json().catch(() => ({}))).error : null;
  throw new Refusal(answer.status, withPatience(told ?? `The silo answered ${answer.status}.`, answer.headers.get('Retry-After')));
}

const withPatience = (message, seconds) => (seconds ? `${message} Try again in ${seconds} s.` : message);
