// What all charts share: reading the embedded data, colours of the present theme, a common layout.
"use strict";

const Report = { charts: [] };

/** Sums of differences, in the axis' unit. */
Report.times = function (differences, tick) {
  const times = new Float64Array(differences.length);
  let sum = 0;
  for (let i = 0; i < differences.length; i += 1) {
    sum += differences[i];
    times[i] = sum * tick;
  }
  return times;
};

/** The first index whose value isn't below `value`, in rising values. */
Report.firstFrom = function (values, value) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
};

Report.color = function (name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
};

/** A time with as many digits as its neighborhood of `span` deserves. */
Report.time = function (time, span, unit) {
  if (unit !== "s") return `line ${Math.round(time)}`;
  const digits = Math.max(0, Math.min(6, 3 - Math.floor(Math.log10(span || 1))));
  return `${time.toFixed(digits)} s`;
};

/** A length of time, in words. */
Report.length = function (length, unit) {
  const digits = Math.max(0, Math.min(6, 1 - Math.floor(Math.log10(length || 1))));
  return unit === "s" ? `${length.toFixed(digits)} s` : `${length.toFixed(digits)} lines`;
};

Report.timeTitle = function (data) {
  return data.unit === "s" ? "time (s) since the first line of any log" : "line of each log";
};

Report.axis = function (extra) {
  const rule = Report.color("rule");
  return { gridcolor: rule, linecolor: rule, zerolinecolor: rule, ticks: "outside", ...extra };
};

Report.layout = function (extra) {
  return {
    autosize: true,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: Report.color("ink"), size: 13, family: "system-ui, sans-serif" },
    hoverlabel: { bgcolor: Report.color("paper"), font: { color: Report.color("ink") } },
    margin: { l: 96, r: 24, t: 8, b: 52 },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: Report.color("faint"), activecolor: Report.color("ink") },
    showlegend: false,
    dragmode: "zoom",
    hovermode: "closest",
    ...extra,
  };
};

Report.CONFIG = {
  displaylogo: false,
  responsive: true,
  doubleClick: "reset",
  modeBarButtons: [["toImage"]],
};

/** At most `most` points of a step line between two times, with the last one before and the first
 * one after; `each` is how many points one stands for. */
Report.thinned = function (times, counts, from, to, most) {
  const begin = Math.max(0, Report.firstFrom(times, from) - 1);
  const end = Math.min(times.length, Report.firstFrom(times, to) + 1);
  const each = Math.max(1, Math.ceil((end - begin) / most));
  const x = [];
  const y = [];
  for (let i = begin; i < end; i += each) {
    x.push(times[i]);
    y.push(counts[i]);
  }
  if (end > begin && x[x.length - 1] !== times[end - 1]) {
    x.push(times[end - 1]);
    y.push(counts[end - 1]);
  }
  return { x, y, each };
};

/** The new range of the x axis after a zoom by hand, `null` for the whole, else `undefined`. */
Report.zoomed = function (change) {
  if (change["xaxis.autorange"]) return null;
  if (change["xaxis.range"]) return change["xaxis.range"].map(Number);
  if ("xaxis.range[0]" in change) {
    return [Number(change["xaxis.range[0]"]), Number(change["xaxis.range[1]"])];
  }
  return undefined;
};
