// Which metrics belong into one chart, and in which order the charts stand.

const FAMILIES = ['loss', 'score'];
const GROUPS = [['Training', /^(learning|gradient|rate)\.|^speed|per\.second/], ['Quality', /./]];
const ORDER = ['Quality', 'Training'];

/** The name without who measured it: loss and validation.loss are looked at together. */
const subject = metric => metric.replace(/^validation\./, '');

function family(metric) {
  const name = subject(metric);
  const first = name.split('.')[0];
  return FAMILIES.includes(first) ? first : name;
}

const groupOf = metric => GROUPS.find(([, pattern]) => pattern.test(subject(metric)))[0];
const side = run => (run.lowerIsBetter ? 'lowest' : 'highest');
const byOrder = (a, b) => ORDER.indexOf(a.group) - ORDER.indexOf(b.group);

/** The charts of one run: related metrics over each other. */
export function chartsOfRun(run, metrics) {
  const charts = new Map();
  for (const metric of metrics) {
    const title = family(metric);
    if (!charts.has(title)) charts.set(title, { title, group: groupOf(metric), lines: [] });
    const { lines } = charts.get(title);
    lines.push({ run: run.id, metric, label: metric, colour: lines.length, best: metric === run.measure ? side(run) : null });
  }
  return [...charts.values()].sort(byOrder);
}

/** The charts of several runs: a chart for each metric, a curve for each run. */
export function chartsOfRuns(runs) {
  const metrics = [...new Set(runs.flatMap(run => run.curves))];
  return metrics.map(metric => ({
    title: metric, group: groupOf(metric),
    lines: runs.flatMap((run, colour) => (run.curves.includes(metric) ? [{ run: run.id, metric, label: run.id, colour, best: metric === run.measure ? side(run) : null }] : [])),
  })).sort(byOrder);
}
