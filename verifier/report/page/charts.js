// The charts beside the timeline: pieces, copies, uploads, fairness.
"use strict";

const FEW = 8; // lines that can be told apart by colour and dash
const NUMBERED = 14; // peers up to which a matrix has room for its numbers
const MOST_POINTS = 12000; // points of all lines of a chart
const MOST_DOTS = 3000; // dots of the fairness chart
const DASHES = ["solid", "dash", "dot", "dashdot", "solid", "dash", "dot", "dashdot"];

/** A chart that is drawn anew as a whole, and when it is zoomed if `zooms`. */
class Chart {
  constructor(figure, data, zooms = false) {
    this.data = data;
    this.chart = figure.querySelector(".chart");
    this.status = figure.querySelector(".status");
    this.span = Math.max(data.span * data.tick, data.tick);
    this.range = null;
    this.zooms = zooms;
  }

  draw() {
    const done = Plotly.react(this.chart, this.traces(), this.layout(), Report.CONFIG);
    if (this.zooms && !this.following) {
      this.following = true;
      this.chart.on("plotly_relayout", (change) => {
        const range = Report.zoomed(change);
        if (range === undefined) return;
        this.range = range;
        this.draw();
      });
    }
    return done;
  }

  /** Say how many points of a line one that is drawn stands for. */
  tell(each) {
    this.status.textContent = each > 1 ? `Aggregated: one point in ${each} is drawn; a zoom shows more.` : "";
  }

  /** Whether there is no room for long labels. */
  narrow() {
    return this.chart.clientWidth < 600;
  }

  timeAxis() {
    const range = this.range || [-0.01 * this.span, 1.01 * this.span];
    return Report.axis({ range, title: { text: Report.timeTitle(this.data) } });
  }
}

/** A text beside a line, with the paper behind it. */
function note(text, x, y, color, extra = {}) {
  return {
    text, x, y, showarrow: false, font: { color, size: 12 },
    bgcolor: Report.color("paper"), borderpad: 1, ...extra,
  };
}

class Pieces extends Chart {
  constructor(figure, data) {
    super(figure, data, true);
    this.lines = data.peers
      .map((peer, index) => ({
        id: peer.id, index, seed: peer.seed,
        time: Report.times(peer.steps.time, data.tick), count: peer.steps.count,
      }))
      .filter((line) => !line.seed || line.time.length > 1);
    // Of many lines, those that have half of the pieces first and last are named.
    const half = data.pieces / 2;
    const reach = (line) => {
      const at = line.count.findIndex((count) => count >= half);
      return at < 0 ? Infinity : line.time[at];
    };
    const order = this.lines.map((line) => ({ line, time: reach(line) }));
    order.sort((one, other) => one.time - other.time);
    this.first = order.length > FEW ? order[0].line : null;
    this.last = order.length > FEW ? order[order.length - 1].line : null;
  }

  style(line, number) {
    if (this.lines.length <= FEW) {
      return { color: Report.color(`line-${(number % FEW) + 1}`), width: 2, dash: DASHES[number % FEW], shape: "hv" };
    }
    if (line === this.first) return { color: Report.color("line-1"), width: 3, shape: "hv" };
    if (line === this.last) return { color: Report.color("line-2"), width: 3, dash: "dash", shape: "hv" };
    return { color: Report.color("line-8"), width: 1, shape: "hv" };
  }

  traces() {
    const [from, to] = this.range || [0, this.span];
    const most = Math.max(50, Math.floor(MOST_POINTS / Math.max(1, this.lines.length)));
    let coarsest = 1;
    const traces = this.lines.map((line, number) => {
      const { x, y, each } = Report.thinned(line.time, line.count, from, to, most);
      coarsest = Math.max(coarsest, each);
      return {
        type: "scatter", mode: "lines", x, y, line: this.style(line, number), name: `peer ${line.id}`,
        hovertemplate: "%{y} pieces at %{x:.3f}",
      };
    });
    this.tell(coarsest);
    return traces;
  }

  /** Each line's name, at heights of their own so that they don't hide each other. */
  names() {
    const { pieces } = this.data;
    const label = (line, text, level, extra) => {
      if (!line || !line.time.length) return [];
      const found = line.count.findIndex((count) => count >= level);
      const at = found < 0 ? line.count.length - 1 : found;
      const { color } = this.style(line, this.lines.indexOf(line));
      return [note(text, line.time[at], line.count[at], color, extra)];
    };
    if (this.first) {
      return [
        ...label(this.first, `<b>${this.first.id}</b> has half of them first`, pieces / 2, { xanchor: "right", xshift: -6 }),
        ...label(this.last, `<b>${this.last.id}</b> has half of them last`, pieces / 2, { xanchor: "left", xshift: 6 }),
      ];
    }
    return this.lines.flatMap((line, i) =>
      label(line, `<b>${line.id}</b>`, ((i + 1) / (this.lines.length + 1)) * pieces, {}));
  }

  layout() {
    return Report.layout({
      height: 420,
      annotations: this.names(),
      xaxis: this.timeAxis(),
      yaxis: Report.axis({ range: [0, this.data.pieces * 1.04], fixedrange: true, title: { text: `pieces, of ${this.data.pieces}` } }),
    });
  }
}

class Copies extends Chart {
  constructor(figure, data) {
    super(figure, data, true);
    this.time = Report.times(data.copies.time, data.tick);
  }

  traces() {
    const styles = {
      max: ["most", "line-1", "dot"],
      mean: ["mean", "line-7", "solid"],
      min: ["least", "line-2", "dash"],
    };
    const [from, to] = this.range || [0, this.span];
    return Object.entries(styles).map(([key, [name, color, dash]]) => {
      const { x, y, each } = Report.thinned(this.time, this.data.copies[key], from, to, MOST_POINTS / 3);
      this.tell(each);
      return {
        type: "scatter", mode: "lines", name, x: [...x, 1.01 * this.span], y: [...y, y[y.length - 1]],
        line: { color: Report.color(color), width: 2.5, dash, shape: "hv" },
        hovertemplate: "%{y} copies at %{x:.3f}",
      };
    });
  }

  layout() {
    const names = [["max", "most", "line-1", 0.25], ["mean", "mean", "line-7", 0.5], ["min", "least", "line-2", 0.75]];
    const annotations = names.map(([key, text, color, share]) => {
      const at = Math.max(0, Report.firstFrom(this.time, share * this.time[this.time.length - 1]) - 1);
      return note(`<b>${text}</b>`, this.time[at], this.data.copies[key][at], Report.color(color));
    });
    const peers = this.data.peers.length;
    return Report.layout({
      height: 340,
      annotations,
      xaxis: this.timeAxis(),
      yaxis: Report.axis({ range: [0, peers * 1.06], fixedrange: true, title: { text: `copies of a piece, with ${peers} peers` } }),
    });
  }
}

class Uploads extends Chart {
  traces() {
    const { uploads } = this.data;
    const few = uploads.length <= NUMBERED;
    const narrow = this.narrow();
    return [{
      type: "heatmap", z: uploads, colorscale: [[0, Report.color("shade")], [1, Report.color("deep")]],
      text: uploads.map((row) => row.map((value) => (value === null ? "" : String(value)))),
      texttemplate: few ? "%{text}" : "", textfont: { color: Report.color("ink") },
      xgap: few ? 2 : 0.5, ygap: few ? 2 : 0.5, hoverongaps: false,
      hovertemplate: "%{y} to<br>%{x}: %{z} pieces<extra></extra>",
      showscale: !narrow, colorbar: { title: { text: "pieces", side: "right" }, thickness: 14 },
    }];
  }

  layout() {
    const { uploads, peers } = this.data;
    const sum = (values) => values.reduce((total, value) => total + (value || 0), 0);
    const places = peers.map((_, index) => index);
    const size = uploads.length <= NUMBERED ? 12 : 10;
    const each = uploads.length <= NUMBERED ? 40 : 14;
    const narrow = this.narrow() && uploads.length <= NUMBERED;
    const line = narrow ? "<br>" : " ";
    return Report.layout({
      height: Math.max(300, each * uploads.length + 110),
      margin: { l: narrow ? 96 : 170, r: narrow ? 8 : 24, t: narrow ? 32 : 8, b: uploads.length <= NUMBERED ? (narrow ? 86 : 70) : 110 },
      xaxis: Report.axis({
        tickvals: places, showgrid: false, zeroline: false, tickfont: { size }, constrain: "domain",
        tickangle: uploads.length <= NUMBERED ? 0 : -90, fixedrange: true,
        ticktext: peers.map((peer, i) => `${peer.id}${uploads.length <= NUMBERED ? "<br>" : " "}got${line}${sum(uploads.map((row) => row[i]))}`),
        title: { text: "to this peer (pieces)" },
      }),
      yaxis: Report.axis({
        tickvals: places, showgrid: false, zeroline: false, tickfont: { size }, autorange: "reversed", fixedrange: true,
        ticktext: peers.map((peer, i) => `${peer.id}${peer.seed ? " seed" : ""}${line}sent ${sum(uploads[i])}`),
        title: { text: "from this peer", standoff: 4 },
      }),
    });
  }
}

class Fairness extends Chart {
  constructor(figure, data) {
    super(figure, data);
    this.rows = data.peers.map((peer, index) => {
      const pairs = data.fairness
        .filter(([chooser]) => chooser === index)
        .map(([, other, time, served]) => ({ id: data.peers[other].id, share: (100 * served) / time }));
      pairs.sort((one, other) => one.share - other.share);
      const shares = pairs.map((pair) => pair.share);
      const sum = shares.reduce((total, one) => total + one, 0);
      const squares = shares.reduce((total, one) => total + one * one, 0);
      return { peer, pairs, shares, jain: squares ? (sum * sum) / (shares.length * squares) : null };
    });
  }

  traces() {
    const spans = { x: [], y: [] };
    const medians = { x: [], y: [] };
    const dots = { x: [], y: [], text: [] };
    const all = this.data.fairness.length <= MOST_DOTS;
    this.rows.forEach(({ peer, pairs, shares }, y) => {
      if (!shares.length) return;
      spans.x.push(shares[0], shares[shares.length - 1], null);
      spans.y.push(y, y, null);
      const half = shares.length >> 1;
      medians.x.push(shares.length % 2 ? shares[half] : (shares[half - 1] + shares[half]) / 2);
      medians.y.push(y);
      for (const pair of all ? pairs : [pairs[0], pairs[pairs.length - 1]]) {
        dots.x.push(pair.share);
        dots.y.push(y);
        dots.text.push(`${peer.id} unchokes ${pair.id}`);
      }
    });
    const ink = Report.color("ink");
    return [
      { type: "scatter", mode: "lines", ...spans, line: { color: Report.color("connections"), width: 3 }, hoverinfo: "skip", name: "span" },
      { type: "scatter", mode: "markers", ...medians, marker: { symbol: "line-ns", size: 16, line: { width: 2.5, color: ink } }, hovertemplate: "median %{x:.0f} %<extra></extra>", name: "median" },
      { type: "scatter", mode: "markers", ...dots, marker: { size: 8, color: Report.color("preferred"), opacity: 0.75, line: { width: 1, color: Report.color("paper") } }, hovertemplate: "%{text}: %{x:.0f} % of the time<extra></extra>", name: "neighbors" },
    ];
  }

  layout() {
    const few = this.rows.length <= NUMBERED;
    const annotations = [];
    this.rows.forEach(({ pairs, jain }, y) => {
      const text = jain === null ? "" : `${jain.toFixed(2)}`;
      annotations.push(note(text, 1.01, y, Report.color("ink"), { xref: "paper", xanchor: "left" }));
      if (few && pairs.length > 1) {
        annotations.push(note(`${pairs[0].id}`, pairs[0].share, y, Report.color("faint"), { yshift: 13, xanchor: "right", xshift: 2, bgcolor: "rgba(0,0,0,0)" }));
        annotations.push(note(`${pairs[pairs.length - 1].id}`, pairs[pairs.length - 1].share, y, Report.color("faint"), { yshift: 13, xanchor: "left", xshift: 0, bgcolor: "rgba(0,0,0,0)" }));
      }
    });
    if (!this.data.fairness.length) {
      annotations.push(note("nobody was interested for as long as an unchoking interval", 50, (this.rows.length - 1) / 2, Report.color("ink")));
    }
    annotations.push(note("Jain", 1.01, -0.9, Report.color("faint"), { xref: "paper", xanchor: "left" }));
    const places = this.rows.map((_, index) => index);
    return Report.layout({
      height: (few ? 44 : 18) * this.rows.length + 90,
      margin: { l: 110, r: 64, t: 12, b: 52 },
      annotations,
      xaxis: Report.axis({ range: [-3, 103], fixedrange: true, title: { text: "share of the time interested in which the neighbor was unchoked (%)" } }),
      yaxis: Report.axis({
        range: [this.rows.length - 0.4, -1.1], tickvals: places, zeroline: false, fixedrange: true, tickfont: { size: few ? 12 : 10 },
        ticktext: this.rows.map(({ peer }) => `${peer.id}${peer.seed ? " seed" : ""}`), title: { text: "peer that chooses", standoff: 4 },
      }),
    });
  }
}
