// A run's events as spans and moments, in seconds since the first of them.

import { clock, count, duration, plural } from './format.js';

/** Events in the order of their time; a run that goes on lasts until now. */
export function history(events, now) {
  const begin = Date.parse(events[0].time);
  const at = event => (Date.parse(event.time) - begin) / 1000;
  const length = Math.max(1, at(events.at(-1)), now ? (now - begin) / 1000 : 0);
  const of = kind => events.filter(event => event.kind === kind);

  const spans = (list, describe) => list.map((event, index) => {
    const [from, to] = [at(event), index + 1 < list.length ? at(list[index + 1]) : length];
    const label = describe(event);
    return { from, to, ...label, title: `${label.label}: ${duration(to - from)} from ${clock(event.time)} on. ${event.message}` };
  });

  const states = spans(events.filter((event, index) => index === 0 || event.state !== events[index - 1].state), event => ({ kind: `state ${event.state}`, label: event.state }));
  const rounds = spans(of('round'), event => ({ kind: 'round', label: /\d+/.exec(event.message)?.[0] ?? '' }));
  const moves = events.filter(event => event.kind === 'lost' || event.kind === 'joined');
  const placed = event => ({ ...event, at: at(event) });
  const entries = [...moves, ...of('round')].sort((a, b) => b.id - a.id).map(event => ({ ...placed(event), lasted: lasting(event, of('round'), at, length) }));

  return {
    length, states, rounds, entries, moves: moves.map(placed), checkpoints: of('checkpoint').map(placed),
    words: `${duration(length)} in ${plural(rounds.length, 'round')}: ${plural(of('lost').length, 'worker')} lost, ${count(of('joined').length)} came, ${plural(of('checkpoint').length, 'checkpoint')}.`,
  };
}

/** A round lasts until the next; a loss until the round that makes up for it. */
function lasting(event, rounds, at, length) {
  const next = rounds.find(round => round.id > event.id);
  if (event.kind === 'joined') return null;
  if (next) return at(next) - at(event);
  return event.kind === 'round' ? length - at(event) : null;
}
