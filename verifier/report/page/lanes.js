// The timeline's geometry: from a run's data and what is in view to polygons, aggregated where
// there are more things than pixels. Nothing here knows of Plotly or of the page.
"use strict";

Report.MOST_ROWS = 100; // rows up to which each neighbor has one of its own
Report.MOST_MARKS = 3000; // downloads in view up to which each is drawn
Report.MOST_BINS = 5000; // steps into which a view's rows are cut when they are counted

/** Polygons of one colour, as Plotly wants them: closed ones, with gaps between. */
class Polygons {
  constructor() {
    this.x = [];
    this.y = [];
  }

  rectangle(x0, x1, y0, y1) {
    this.x.push(x0, x1, x1, x0, null);
    this.y.push(y0, y0, y1, y1, null);
  }

  /** A staircase over `base`, as high as the values of equally long steps say. */
  staircase(from, step, values, base, scale) {
    let i = 0;
    while (i < values.length) {
      if (!values[i]) {
        i += 1;
        continue;
      }
      this.x.push(from + i * step);
      this.y.push(base);
      while (i < values.length && values[i]) {
        let end = i + 1;
        while (end < values.length && values[end] === values[i]) end += 1;
        const y = base - values[i] * scale;
        this.x.push(from + i * step, from + end * step);
        this.y.push(y, y);
        i = end;
      }
      this.x.push(from + i * step, null);
      this.y.push(base, null);
    }
  }
}

/** A run's peers, decoded: for each its rows by neighbor, its pieces over time, when it completed. */
class Lanes {
  constructor(data) {
    this.data = data;
    this.count = data.peers.length;
    this.kinds = ["connections", "preferred", "optimistic", "unchoked"];
    this.peers = data.peers.map((peer) => this.decode(peer));
  }

  decode(peer) {
    const { tick } = this.data;
    const rows = this.data.peers.map(() => {
      const row = { downloads: { time: [], piece: [], count: [] } };
      for (const kind of this.kinds) row[kind] = { begin: [], end: [] };
      return row;
    });
    for (const kind of this.kinds) {
      const begins = Report.times(peer[kind].begin, tick);
      peer[kind].other.forEach((other, i) => {
        rows[other][kind].begin.push(begins[i]);
        rows[other][kind].end.push(begins[i] + peer[kind].length[i] * tick);
      });
    }
    const times = Report.times(peer.downloads.time, tick);
    peer.downloads.other.forEach((other, i) => {
      rows[other].downloads.time.push(times[i]);
      rows[other].downloads.piece.push(peer.downloads.piece[i]);
      rows[other].downloads.count.push(peer.downloads.count ? peer.downloads.count[i] : 1);
    });
    return {
      id: peer.id,
      seed: peer.seed,
      rows,
      steps: { time: Report.times(peer.steps.time, tick), count: peer.steps.count },
      complete: peer.complete.map((time) => time * tick),
      lives: peer.lives.map((life) => life.map((time) => time * tick)),
    };
  }

  /** Whether the neighbors have a row each when these lanes are in view. */
  detailed(shown) {
    return shown.length * this.count <= Math.max(Report.MOST_ROWS, this.count);
  }

  /** The neighbors of a peer, in the order of their rows. */
  neighbors(peer) {
    return this.peers.map((_, index) => index).filter((index) => index !== peer);
  }

  /** Top and height of a row: 0 is the peer's own, then its neighbors'. */
  row(lane, number) {
    return { top: lane + 0.03 + (0.94 * number) / this.count, height: 0.94 / this.count };
  }

  /** What to draw for a view { from, to, shown, width }: polygons by layer, and what is aggregated. */
  draw(view) {
    const layers = {};
    for (const name of ["progress", ...this.kinds, "downloads"]) layers[name] = new Polygons();
    const told = this.detailed(view.shown)
      ? this.drawRows(view, layers)
      : this.drawSums(view, layers);
    return { layers, told };
  }

  drawRows(view, layers) {
    const pixel = (view.to - view.from) / view.width;
    const told = [];
    let joined = false;
    const rows = [];
    view.shown.forEach((peer, lane) => {
      this.drawProgress(view, layers.progress, peer, lane);
      this.neighbors(peer).forEach((other, number) => {
        const row = this.peers[peer].rows[other];
        const { top, height } = this.row(lane, number + 1);
        const place = (from, to) => [top + from * height, top + to * height];
        const heights = {
          connections: place(0.46, 0.54),
          preferred: place(0.04, 0.46),
          optimistic: place(0.25, 0.46),
          unchoked: place(0.54, 0.96),
        };
        for (const kind of this.kinds) {
          joined = bars(layers[kind], row[kind], view, pixel, heights[kind]) || joined;
        }
        rows.push({ downloads: row.downloads, at: heights.unchoked });
      });
    });
    if (joined) told.push(`bars less than ${Report.length(pixel, this.data.unit)} apart are joined`);
    told.push(marks(layers.downloads, rows, view, this.data.unit));
    return told;
  }

  drawProgress(view, layer, peer, lane) {
    const { time, count } = this.peers[peer].steps;
    const { top, height } = this.row(lane, 0);
    const base = top + 0.96 * height;
    const points = Report.thinned(time, count, view.from, view.to, 300);
    if (!points.x.length || !this.data.pieces) return;
    const ends = this.peers[peer].lives.map((life) => life[1]);
    const last = Math.min(view.to, ends[ends.length - 1]);
    points.x.forEach((x, i) => {
      const from = Math.max(x, view.from);
      const to = Math.min(i + 1 < points.x.length ? points.x[i + 1] : last, view.to);
      const y = base - (0.86 * height * points.y[i]) / this.data.pieces;
      if (to > from && points.y[i]) layer.rectangle(from, to, y, base);
    });
  }

  drawSums(view, layers) {
    const bins = Math.max(20, Math.floor(Math.min(view.width / 4, 10000 / view.shown.length)));
    const step = (view.to - view.from) / bins;
    const sums = view.shown.map((peer) => this.sums(view, peer, bins, step));
    const most = (kind) => Math.max(1e-9, ...sums.map((one) => Math.max(...one[kind])));
    const gets = 0.48 / Math.max(1, most("unchoked"));
    const pieces = 0.48 / most("downloads");
    const gives = 0.34 / Math.max(this.data.slots, most("optimistic"));
    sums.forEach((one, lane) => {
      const up = lane + 0.4;
      const down = lane + 0.94;
      const all = 0.34 / Math.max(1, this.count - 1);
      layers.connections.staircase(view.from, step, one.connections, up, all);
      layers.optimistic.staircase(view.from, step, one.optimistic, up, gives);
      layers.preferred.staircase(view.from, step, one.preferred, up, gives);
      layers.unchoked.staircase(view.from, step, one.unchoked, down, gets);
      layers.downloads.staircase(view.from, step, one.downloads, down, pieces);
    });
    const length = Report.length(step, this.data.unit);
    return [
      `aggregated: means over steps of ${length}, and the pieces downloaded in each`,
      `the highest: ${Math.round(most("downloads"))} pieces in a step, unchoked by ${most("unchoked").toFixed(1)} neighbors`,
    ];
  }

  /** Of one peer, for each step: mean numbers of neighbors, and pieces downloaded. */
  sums(view, peer, bins, step) {
    const made = {};
    for (const kind of [...this.kinds, "downloads"]) made[kind] = new Float64Array(bins);
    for (const row of this.peers[peer].rows) {
      for (const kind of this.kinds) cover(made[kind], row[kind], view, step);
      const { time, count } = row.downloads;
      for (let i = Report.firstFrom(time, view.from); i < time.length && time[i] <= view.to; i += 1) {
        made.downloads[Math.min(bins - 1, Math.floor((time[i] - view.from) / step))] += count[i];
      }
    }
    // The optimistic stand on the preferred: drawn behind them, as high as both.
    made.optimistic.forEach((value, i) => {
      if (value) made.optimistic[i] = value + made.preferred[i];
    });
    return made;
  }
}

/** Add to each step the part of it that bars cover. */
function cover(sums, intervals, view, step) {
  for (let i = Report.firstFrom(intervals.end, view.from); i < intervals.begin.length; i += 1) {
    const from = Math.max(intervals.begin[i], view.from) - view.from;
    const to = Math.min(intervals.end[i], view.to) - view.from;
    if (from >= view.to - view.from) break;
    const last = Math.min(sums.length - 1, Math.floor(to / step));
    for (let bin = Math.floor(from / step); bin <= last; bin += 1) {
      const share = (Math.min(to, (bin + 1) * step) - Math.max(from, bin * step)) / step;
      sums[bin] = Math.round((sums[bin] + Math.max(0, share)) * 1e6) / 1e6;
    }
  }
}

/** Draw the bars of a row that are in view; those less than a pixel apart as one. Whether any were. */
function bars(layer, intervals, view, pixel, [y0, y1]) {
  let joined = false;
  let i = Report.firstFrom(intervals.end, view.from);
  while (i < intervals.begin.length && intervals.begin[i] < view.to) {
    const from = Math.max(intervals.begin[i], view.from);
    let to = intervals.end[i];
    while (
      i + 1 < intervals.begin.length &&
      intervals.begin[i + 1] > to &&
      intervals.begin[i + 1] - to < pixel &&
      intervals.begin[i + 1] < view.to
    ) {
      i += 1;
      to = intervals.end[i];
      joined = true;
    }
    layer.rectangle(from, Math.max(Math.min(to, view.to), from + 1.5 * pixel), y0, y1);
    i += 1;
  }
  return joined;
}

/** Draw the downloads of rows: each one, or where there are too many, counted in short steps. */
function marks(layer, rows, view, unit) {
  const pixel = (view.to - view.from) / view.width;
  const inside = ({ time }) => [Report.firstFrom(time, view.from), Report.firstFrom(time, view.to)];
  const total = rows.reduce((sum, row) => {
    const [begin, end] = inside(row.downloads);
    return sum + end - begin;
  }, 0);
  if (total <= Report.MOST_MARKS) {
    let counted = 0;
    for (const { downloads, at } of rows) {
      const [begin, end] = inside(downloads);
      for (let i = begin; i < end; i += 1) {
        counted += downloads.count[i];
        const x = downloads.time[i];
        layer.rectangle(x - 0.75 * pixel, x + 0.75 * pixel, at[0], at[1]);
      }
    }
    return counted === total ? `${total} marks, one for each download` : `${total} marks for ${counted} downloads`;
  }
  const bins = Math.max(20, Math.min(Math.floor(view.width / 3), Math.floor(Report.MOST_BINS / rows.length)));
  const step = (view.to - view.from) / bins;
  const counts = rows.map(({ downloads }) => {
    const sums = new Float64Array(bins);
    const [begin, end] = inside(downloads);
    for (let i = begin; i < end; i += 1) {
      sums[Math.min(bins - 1, Math.floor((downloads.time[i] - view.from) / step))] += downloads.count[i];
    }
    return sums;
  });
  const most = Math.max(1, ...counts.map((sums) => Math.max(...sums)));
  counts.forEach((sums, number) => {
    const [y0, y1] = rows[number].at;
    sums.forEach((sum, bin) => {
      if (!sum) return;
      const x = view.from + (bin + 0.5) * step;
      const wide = Math.min(0.4 * step, 1.5 * pixel);
      layer.rectangle(x - wide, x + wide, y1 - (y1 - y0) * (0.25 + (0.75 * sum) / most), y1);
    });
  });
  const length = Report.length(step, unit);
  const all = counts.reduce((sum, one) => sum + one.reduce((some, number) => some + number, 0), 0);
  return `aggregated: ${all} downloads, counted in steps of ${length}; the highest mark is ${most}`;
}
