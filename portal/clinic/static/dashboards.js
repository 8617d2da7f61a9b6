// Draws each picture with Vega's interpreter, which compiles nothing: the page's policy forbids that.
"use strict";
for (const place of document.querySelectorAll("[data-specification]")) {
  vegaEmbed(place, JSON.parse(place.dataset.specification), {
    ast: true,
    defaultStyle: false,
    actions: false,
    renderer: "svg",
    tooltip: false,
  }).then(() => place.setAttribute("data-drawn", "yes"));
}
