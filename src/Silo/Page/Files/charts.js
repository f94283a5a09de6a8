// Which metrics belong into one chart, and in which order the charts stand.

const FAMILIES = ['loss', 'score'];
const VALIDATION = 'validation.';
/** How many units the steps took: the speed is made of it. */
const UNITS = 'samples';

/** The name without who measured it: loss and validation.loss are looked at together. */
const subject = metric => (metric.startsWith(VALIDATION) ? metric.slice(VALIDATION.length) : metric);

function family(metric) {
  const first = subject(metric).split('.')[0];
  return FAMILIES.includes(first) ? first : subject(metric);
}

const side = run => (run.lowerIsBetter ? 'lowest' : 'highest');

function lineOf(run, metric, label, colour) {
  return { run: run.id, metric, label, colour, isSpeed: metric === UNITS, best: metric === run.measure ? side(run) : null };
}

/** What tells how good a model is comes first, then how the training went. */
function sorted(charts) {
  const judges = ({ metric, best }) => best || metric.startsWith(VALIDATION) || FAMILIES.includes(family(metric));
  for (const chart of charts) chart.group = chart.lines.some(judges) ? 'Quality' : 'Training';
  return charts.sort((a, b) => (a.group < b.group ? -1 : a.group > b.group ? 1 : 0));
}

/** The charts of one run: related metrics over each other. */
export function chartsOfRun(run, metrics) {
  const charts = new Map();
  for (const metric of metrics) {
    const title = metric === UNITS ? 'speed' : family(metric);
    if (!charts.has(title)) charts.set(title, { title, lines: [] });
    const { lines } = charts.get(title);
    lines.push(lineOf(run, metric, metric === UNITS ? `${run.unit}/s` : metric, lines.length));
  }
  return sorted([...charts.values()]);
}

/** The charts of several runs: a chart for each metric, a curve for each run. */
export function chartsOfRuns(runs) {
  const metrics = [...new Set(runs.flatMap(run => run.curves))];
  return sorted(metrics.map(metric => ({
    title: metric === UNITS ? 'speed' : metric,
    lines: runs.flatMap((run, colour) => (run.curves.includes(metric) ? [lineOf(run, metric, run.id, colour)] : [])),
  })));
}
