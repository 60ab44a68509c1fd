// Draws the charts of a page from the data that it carries. Without it the tables say the same.
(() => {
  "use strict";
  const text = {font: getComputedStyle(document.body).fontFamily, fontSize: 13};
  const axis = {
    labelFont: text.font, titleFont: text.font, labelFontSize: 12.5, titleFontSize: 12.5, titleFontWeight: 400,
    labelColor: "var(--ink)", titleColor: "var(--soft)", gridColor: "var(--line)", tickColor: "var(--line)",
    domainColor: "var(--line)", titlePadding: 10
  };
  const config = (width) => ({
    background: null, font: text.font, aria: false, view: {stroke: null},
    axis: {...axis, labelLimit: width < 520 ? Math.round(width * 0.36) : 260},
    bar: {stroke: "var(--paper)", strokeWidth: 0.6}
  });
  const figures = [...document.querySelectorAll("[data-chart]")];
  const draw = (place) => {
    const spec = JSON.parse(document.getElementById(place.dataset.chart).textContent);
    const options = {mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false,
      config: config(place.clientWidth), tooltip: {theme: "page"}, logLevel: 1};
    // Inside, because Vega puts a label of its own on what it draws into.
    return window.vegaEmbed(place.firstElementChild, spec, options);
  };
  if (window.vegaEmbed) {
    Promise.all(figures.map(draw)).then(() => {
      // What is drawn need not be read twice; the table is one click away.
      for (const table of document.querySelectorAll("details[data-folds]")) table.open = false;
      document.documentElement.dataset.drawn = "yes";
    });
  }
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const table of folded) table.open = true;
  });
  addEventListener("afterprint", () => { for (const table of folded) table.open = false; });
})();
