// The yardstick: MapLibre and the same points as one circle layer. Nothing is ever updated.
const { bounds, size_px, width, height } = await (await fetch("/bare.json")).json();
const container = document.getElementById("map");
container.style.cssText = `width: ${width}px; height: ${height}px`;
const map = new maplibregl.Map({
  container,
  style: { version: 8, sources: {}, layers: [{ id: "ground", type: "background", paint: { "background-color": "#eef1ef" } }] },
  bounds: [bounds.slice(0, 2), bounds.slice(2)],
  fitBoundsOptions: { padding: 36 },
  attributionControl: false,
  fadeDuration: 0,
  maxZoom: 20,
});
container.map = map;
map.once("style.load", () => {
  map.addSource("bays", { type: "geojson", data: "/bare.geojson" });
  const radius = ["interpolate", ["exponential", 2], ["zoom"], 15, size_px[0] / 2, 17, size_px[1] / 2];
  map.addLayer({ id: "bays", type: "circle", source: "bays", paint: { "circle-radius": radius, "circle-color": "#0f8a67" } });
});
map.on("render", () => {
  if (document.documentElement.dataset.ready || !map.getSource("bays") || !map.isSourceLoaded("bays")) return;
  performance.mark("bays-drawn");
  document.documentElement.dataset.ready = "true";
});
