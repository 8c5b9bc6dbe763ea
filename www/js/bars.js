// Where the bars of a chart go: arithmetic alone, without a page.

const STEPS = [1, 2, 2.5, 5, 10];
/** A roof this many times the longest bar is shown at the edge. */
const BEYOND = 2;

/** A scale from 0 to a round number at or above `max`, with `ticks` at most about five round numbers. */
export function scale(max) {
  if (!(max > 0)) return { end: 1, ticks: [0, 1] };
  const rough = max / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = STEPS.find((each) => each * power >= rough * (1 - 1e-9)) * power;
  const count = Math.ceil(max / step - 1e-9);
  return { end: count * step, ticks: Array.from({ length: count + 1 }, (_, at) => Number((at * step).toPrecision(6))) };
}

/**
 * Rows of bars in groups. `groups`: `[{ title, bars: [{ title, median, least, most, kind, note }], roof }]`; a bar without a
 * `median` keeps its row. A roof far beyond all bars stands at the edge, marked `beyond`, so that the bars stay readable. Gives
 * `{ width, height, plot, ticks, groups }` with places in units of the drawing.
 */
export function layout(groups, { width = 760, label = 250, value = 84, bar = 18, gap = 6, head = 26, foot = 24 } = {}) {
  const largest = (numbers) => Math.max(0, ...numbers.filter((each) => each > 0));
  const longest = largest(groups.flatMap(({ bars }) => bars.flatMap(({ median, most }) => [median, most])));
  const near = (roof) => roof?.value <= longest * BEYOND;
  const { end, ticks } = scale(largest([longest, ...groups.map(({ roof }) => (near(roof) ? roof.value : 0))]));
  const plot = { left: label, right: width - value };
  const x = (number) => plot.left + (number / end) * (plot.right - plot.left);
  let y = 0;
  const placed = groups.map((group) => {
    const top = y;
    y += head;
    const bars = group.bars.map((each) => {
      const place = { ...each, y, height: bar, x: plot.left, width: each.median > 0 ? x(each.median) - plot.left : 0 };
      if (each.least !== undefined && each.most > each.least) place.range = { from: x(each.least), to: x(each.most) };
      y += bar + gap;
      return place;
    });
    const beyond = !near(group.roof);
    const roof = group.roof?.value > 0 ? { ...group.roof, beyond, x: beyond ? plot.right : x(group.roof.value), top: top + head - 2, bottom: y } : undefined;
    y += gap;
    return { title: group.title, top, baseline: top + head - 9, bars, roof };
  });
  return { width, height: y + foot, plot: { ...plot, bottom: y }, ticks: ticks.map((number) => ({ number, x: x(number) })), groups: placed };
}
