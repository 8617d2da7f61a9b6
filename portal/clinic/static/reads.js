import igv from "./vendor/igv-3.8.10.esm.min.js";

// What is shown stands in the page as data, for the page holds no script.
const place = document.getElementById("reads");
const told = JSON.parse(place.dataset.reads);

// The zoom slider has no name for those who cannot see it (igv 3.8.10).
function nameSlider() {
  for (const host of [place, ...place.querySelectorAll("*")]) {
    for (const slider of (host.shadowRoot ?? host).querySelectorAll("input[type=range]")) {
      slider.setAttribute("aria-label", "Zoom");
    }
  }
}

const tracks = told.tracks.map((one) => ({
  name: `${one.name}`, type: "alignment", format: told.format, url: one.url, indexURL: one.indexURL,
  height: 260, displayMode: "SQUISHED", showSoftClips: false,
}));
try {
  await igv.createBrowser(place, {
    loadDefaultGenomes: false, search: false, showSVGButton: false, showSampleNameButton: false,
    reference: told.reference, locus: told.locus, tracks,
    roi: [{name: told.variant, color: "rgba(255,196,0,0.25)", features: [told.region]}],
  });
  nameSlider();
  place.dataset.state = "shown";
} catch (error) {
  place.dataset.state = "failed";
  place.textContent = `The reads cannot be shown: ${error.message ?? error}`;
}
