// Brings the page to life: draws each run's charts, follows clicks on findings, theme and printing.
"use strict";

{
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const everything = () => Promise.all(Report.charts.map((chart) => chart.draw()));

  const paint = (theme) => {
    root.dataset.theme = theme;
    return everything();
  };

  /** Show a finding in the timeline, with its reason and the way back to it. */
  const point = (article, timeline, button, data) => {
    for (const one of article.querySelectorAll(".finding.shown")) one.classList.remove("shown");
    const finding = button.closest(".finding");
    finding.classList.add("shown");
    const chosen = timeline.figure.querySelector(".chosen");
    const back = document.createElement("a");
    back.href = `#${finding.id}`;
    back.textContent = button.dataset.finding.split("-")[0];
    chosen.replaceChildren(back, ` ${finding.querySelector(".because").textContent}`);
    chosen.hidden = false;
    timeline.show(data.places[button.dataset.finding]);
    timeline.figure.querySelector(".tools").scrollIntoView({ block: "start" });
  };

  const start = (article) => {
    const data = JSON.parse(article.querySelector("script.data").textContent);
    const place = (name) => article.querySelector(`figure.${name}`);
    const timeline = new Timeline(place("timeline"), data);
    Report.charts.push(
      timeline,
      new Pieces(place("pieces"), data),
      new Copies(place("copies"), data),
      new Uploads(place("uploads"), data),
      new Fairness(place("fairness"), data),
    );
    for (const button of article.querySelectorAll("button[data-finding]")) {
      button.addEventListener("click", () => point(article, timeline, button, data));
    }
  };

  root.dataset.theme = dark.matches ? "dark" : "light";
  document.querySelectorAll("article.run").forEach(start);
  everything().then(() => {
    root.dataset.drawn = "yes";
  });

  dark.addEventListener("change", () => paint(dark.matches ? "dark" : "light"));
  document.getElementById("theme").addEventListener("click", () => {
    paint(root.dataset.theme === "dark" ? "light" : "dark");
  });

  // On paper: dark on white, everything unfolded, as wide as a sheet.
  let before = root.dataset.theme;
  addEventListener("beforeprint", () => {
    before = root.dataset.theme;
    for (const folded of document.querySelectorAll("details")) folded.open = true;
    document.body.style.width = "48rem";
    paint("light");
  });
  addEventListener("afterprint", () => {
    document.body.style.width = "";
    paint(before);
  });
}
