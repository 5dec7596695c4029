// The timeline: Plotly draws axes and polygons; what is in view, and how finely, is decided here.
"use strict";

const LAYERS = ["progress", "connections", "optimistic", "preferred", "unchoked", "downloads"];
const MARGIN = { l: 96, r: 24, t: 8, b: 52 };

class Timeline {
  constructor(figure, data) {
    this.figure = figure;
    this.data = data;
    this.chart = figure.querySelector(".chart");
    this.status = figure.querySelector(".status");
    this.select = figure.querySelector("select.lanes");
    this.lanes = new Lanes(data);
    this.span = Math.max(data.span * data.tick, data.tick);
    this.everybody = data.peers.map((_, index) => index);
    const pad = this.span * 0.01;
    this.whole = [-pad, this.span + pad];
    this.view = { from: this.whole[0], to: this.whole[1], shown: this.everybody };
    this.marks = [];
    this.tip = document.createElement("div");
    this.tip.className = "tip";
    this.tip.hidden = true;
    this.listen();
  }

  listen() {
    this.select.addEventListener("change", () => {
      const chosen = this.select.value;
      const shown = chosen === "" ? this.everybody : [Number(chosen)];
      this.look({ shown });
    });
    for (const button of this.figure.querySelectorAll("button[data-zoom]")) {
      button.addEventListener("click", () => this.step(button.dataset.zoom));
    }
    this.chart.addEventListener("mousemove", (event) => this.hover(event));
    this.chart.addEventListener("mouseleave", () => {
      this.tip.hidden = true;
    });
  }

  step(name) {
    const { from, to } = this.view;
    const length = to - from;
    if (name === "whole") {
      this.marks = [];
      this.figure.querySelector(".chosen").hidden = true;
      this.select.value = "";
      this.look({ from: this.whole[0], to: this.whole[1], shown: this.everybody });
    } else if (name === "in") this.look({ from: from + length / 4, to: to - length / 4 });
    else if (name === "out") this.look({ from: from - length / 2, to: to + length / 2 });
    else {
      const way = name === "earlier" ? -length / 2 : length / 2;
      this.look({ from: from + way, to: to + way });
    }
  }

  /** Change what is in view, within the run. */
  look(change) {
    const view = { ...this.view, ...change };
    const longest = this.whole[1] - this.whole[0];
    const length = Math.min(Math.max(view.to - view.from, 20 * this.data.tick), longest);
    view.from = Math.min(Math.max(view.from, this.whole[0]), this.whole[1] - length);
    view.to = view.from + length;
    this.view = view;
    return this.draw();
  }

  /** Show a finding's witnesses: its peers' lanes, its time and some around it, its lines numbered. */
  show(places) {
    this.marks = places
      .map((place, i) => place && { peer: place[0], time: place[1], other: place[2], number: i + 1 })
      .filter((mark) => mark && mark.time !== null)
      .map((mark) => ({ ...mark, time: mark.time * this.data.tick }));
    const times = this.marks.map((mark) => mark.time);
    const involved = new Set(this.marks.map((mark) => mark.peer));
    const shown = this.lanes.detailed(this.everybody)
      ? this.everybody
      : this.everybody.filter((peer) => involved.has(peer));
    this.select.value = shown.length === 1 ? String(shown[0]) : "involved";
    if (shown === this.everybody) this.select.value = "";
    const first = Math.min(...times);
    const last = Math.max(...times);
    const around = Math.max((last - first) * 0.25, this.span * 0.04);
    return this.look({ from: first - around, to: last + around, shown });
  }

  /** Pixels that a row, or a lane without rows, is high. */
  rowHeight() {
    const { shown } = this.view;
    if (!this.lanes.detailed(shown)) return Math.min(48, Math.max(22, 1000 / shown.length));
    return Math.min(18, Math.max(11, 1000 / (shown.length * this.lanes.count)));
  }

  height() {
    const { shown } = this.view;
    const rows = this.lanes.detailed(shown) ? this.lanes.count : 1;
    return Math.round(shown.length * rows * this.rowHeight() + MARGIN.t + MARGIN.b);
  }

  draw() {
    const width = this.chart.clientWidth - MARGIN.l - MARGIN.r;
    const { layers, told } = this.lanes.draw({ ...this.view, width: Math.max(200, width) });
    const traces = LAYERS.map((name) => ({
      type: "scatter",
      mode: "none",
      fill: "toself",
      fillcolor: Report.color(name),
      line: { simplify: false },
      hoverinfo: "skip",
      x: layers[name].x,
      y: layers[name].y,
      name,
    }));
    traces.push(this.completions(), this.witnesses(Math.max(200, width)));
    const unit = this.data.unit;
    const span = this.view.to - this.view.from;
    this.status.textContent =
      `From ${Report.time(Math.max(0, this.view.from), span, unit)} to ` +
      `${Report.time(Math.min(this.span, this.view.to), span, unit)}; ${told.join("; ")}.`;
    this.figure.dataset.mode = this.lanes.detailed(this.view.shown) ? "detail" : "overview";
    const done = Plotly.react(this.chart, traces, this.layout(), Report.CONFIG);
    if (!this.tip.isConnected) this.chart.append(this.tip);
    if (!this.following) {
      this.following = true;
      this.chart.on("plotly_relayout", (change) => {
        const range = Report.zoomed(change);
        if (range === undefined) return;
        const [from, to] = range || this.whole;
        this.look({ from, to });
      });
    }
    return done;
  }

  /** A star where a peer completes, in its own row. */
  completions() {
    const x = [];
    const y = [];
    this.view.shown.forEach((peer, lane) => {
      for (const time of this.lanes.peers[peer].complete) {
        x.push(time);
        y.push(this.middle(lane, null, peer));
      }
    });
    const size = Math.min(13, this.rowHeight() * 0.9);
    const marker = { symbol: "star", size, color: Report.color("complete") };
    return { type: "scatter", mode: "markers", x, y, marker, hoverinfo: "skip", name: "complete" };
  }

  /** The witnesses in view, joined by a line; those at the same place have one mark. */
  witnesses(width) {
    const color = Report.color("witness");
    const near = (20 * (this.view.to - this.view.from)) / width;
    const marks = [];
    for (const mark of this.marks.filter(({ peer }) => this.view.shown.includes(peer))) {
      const y = this.middle(this.view.shown.indexOf(mark.peer), mark.other, mark.peer);
      const same = marks.find((one) => one.y === y && Math.abs(one.x - mark.time) < near);
      if (same) same.numbers.push(mark.number);
      else marks.push({ x: mark.time, y, numbers: [mark.number] });
    }
    return {
      type: "scatter",
      mode: "lines+markers+text",
      x: marks.map((mark) => mark.x),
      y: marks.map((mark) => mark.y),
      text: marks.map((mark) => `<b>${mark.numbers.join(", ")}</b>`),
      textposition: "top center",
      textfont: { color, size: 16 },
      marker: { symbol: "circle-open", size: 15, color, line: { width: 3, color } },
      line: { color, width: 1.5, dash: "dot" },
      cliponaxis: false,
      hoverinfo: "skip",
      name: "witnesses",
    };
  }

  /** The middle of a neighbor's row, or of the peer's own; of the lane, if it has no rows. */
  middle(lane, other, peer) {
    if (!this.lanes.detailed(this.view.shown)) return lane + 0.5;
    const number = other === null ? 0 : this.lanes.neighbors(peer).indexOf(other) + 1;
    const { top, height } = this.lanes.row(lane, number);
    return top + height / 2;
  }

  layout() {
    const { shown, from, to } = this.view;
    const separators = shown.slice(1).map((_, i) => ({
      type: "line", xref: "paper", x0: 0, x1: 1, y0: i + 1, y1: i + 1,
      line: { color: Report.color("faint"), width: 1 },
    }));
    return Report.layout({
      height: this.height(),
      margin: MARGIN,
      hovermode: false,
      shapes: separators,
      xaxis: Report.axis({ range: [from, to], title: { text: Report.timeTitle(this.data) } }),
      yaxis: Report.axis({
        range: [shown.length, 0],
        fixedrange: true,
        showgrid: false,
        zeroline: false,
        ticks: "",
        tickfont: { size: 11 },
        title: { text: this.lanes.detailed(shown) ? "peer, and its neighbors" : "peer", standoff: 4 },
        ...this.labels(),
      }),
    });
  }

  labels() {
    const tickvals = [];
    const ticktext = [];
    const rows = this.lanes.detailed(this.view.shown);
    this.view.shown.forEach((peer, lane) => {
      const { id, seed } = this.lanes.peers[peer];
      tickvals.push(this.middle(lane, null, peer));
      ticktext.push(`<b>${id}${seed ? " seed" : ""}</b>`);
      if (!rows) return;
      for (const other of this.lanes.neighbors(peer)) {
        tickvals.push(this.middle(lane, other, peer));
        ticktext.push(`${this.lanes.peers[other].id}`);
      }
    });
    return { tickvals, ticktext };
  }

  hover(event) {
    const box = this.chart.getBoundingClientRect();
    const width = box.width - MARGIN.l - MARGIN.r;
    const height = box.height - MARGIN.t - MARGIN.b;
    const x = event.clientX - box.left - MARGIN.l;
    const y = event.clientY - box.top - MARGIN.t;
    this.tip.hidden = x < 0 || y < 0 || x > width || y >= height;
    if (this.tip.hidden) return;
    const pixel = (this.view.to - this.view.from) / width;
    const place = (y / height) * this.view.shown.length;
    this.tip.textContent = this.describe(this.view.from + x * pixel, place, pixel);
    const right = x > width / 2;
    this.tip.style.left = right ? "" : `${x + MARGIN.l + 16}px`;
    this.tip.style.right = right ? `${box.width - x - MARGIN.l + 16}px` : "";
    this.tip.style.top = `${y + MARGIN.t + 12}px`;
  }

  /** What is known of a moment in a lane, in words. */
  describe(time, place, pixel) {
    const { shown, from, to } = this.view;
    const lane = Math.min(shown.length - 1, Math.floor(place));
    const peer = shown[lane];
    const mine = this.lanes.peers[peer];
    const say = (moment) => Report.time(moment, to - from, this.data.unit);
    const lines = [`peer ${mine.id} at ${say(time)}`];
    const number = this.lanes.detailed(shown)
      ? Math.floor(((place - lane - 0.03) / 0.94) * this.lanes.count)
      : 0;
    const others = number > 0 ? [this.lanes.neighbors(peer)[number - 1]] : this.lanes.neighbors(peer);
    const names = { connections: "connected with", preferred: "prefers", optimistic: "unchokes optimistically", unchoked: "is unchoked by" };
    for (const [kind, words] of Object.entries(names)) {
      const found = others.filter((other) => other !== undefined && holds(mine.rows[other][kind], time));
      if (!found.length) continue;
      const ids = found.map((other) => this.lanes.peers[other].id);
      const spell = number > 0 ? holds(mine.rows[found[0]][kind], time) : null;
      lines.push(`${words} ${ids.join(", ")}${spell ? `, ${say(spell[0])} to ${say(spell[1])}` : ""}`);
    }
    if (number > 0 && others[0] !== undefined) {
      const { time: times, piece } = mine.rows[others[0]].downloads;
      const i = Report.firstFrom(times, time - 3 * pixel);
      if (i < times.length && times[i] <= time + 3 * pixel) {
        lines.push(`downloads piece ${piece[i]} at ${say(times[i])}`);
      }
    }
    const steps = Report.firstFrom(mine.steps.time, time) - 1;
    if (!mine.seed) lines.push(`has ${steps >= 0 ? mine.steps.count[steps] : 0} of ${this.data.pieces} pieces`);
    return lines.join("\n");
  }
}

/** The spell that holds at a time, as [begin, end]. */
function holds(intervals, time) {
  const i = Report.firstFrom(intervals.end, time);
  return i < intervals.begin.length && intervals.begin[i] <= time ? [intervals.begin[i], intervals.end[i]] : null;
}
