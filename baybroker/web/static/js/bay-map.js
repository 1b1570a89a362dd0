/** A map of bays: outlines, names, the bays' symbols, a pin for what was picked, and picking by mouse, touch or keys. */

import { BayLayer } from "./bay-layer.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { onTheme, theme } from "./theme.js";

const REACH_PX = 16;
const PAINT_MS = 80;
const SEOUL = [126.76, 37.42, 127.19, 37.7];
const STREETS_ZOOM = 16;
const COLOURS = {
  light: { ground: "#eef1ef", area: "#ffffff", edge: "#c3ccc8", street: "#d3dad7", way: "#1d4f7c" },
  dark: { ground: "#12181b", area: "#192125", edge: "#3a474c", street: "#2b363b", way: "#9cc7f0" },
};
const EMPTY = /** @type {const} */ ({ type: "FeatureCollection", features: [] });

/** @typedef {import("./bays.js").Bay} Bay */
/** @typedef {{lat: number, lon: number}} Place */

/** Whether the browser can draw the map at all. */
export function canDraw() {
  try {
    return document.createElement("canvas").getContext("webgl2") !== null && "maplibregl" in globalThis;
  } catch {
    return false;
  }
}

export class BayMap {
  /**
   * @param {HTMLElement} container
   * @param {any} scenario what /scenario tells: bounds, outlines, style_url
   * @param {{label: string, pickBay?: (bay: string) => void, pickPlace?: (place: Place) => void}} use
   */
  constructor(container, scenario, use) {
    this.use = use;
    this.scenario = scenario;
    const [west, south, east, north] = scenario.bounds ?? SEOUL;
    this.map = new globalThis.maplibregl.Map({
      container,
      style: scenario.style_url ?? { version: 8, sources: {}, layers: [{ id: "ground", type: "background" }] },
      bounds: [[west, south], [east, north]],
      fitBoundsOptions: { padding: 36 },
      attributionControl: scenario.style_url ? {} : false,
      pitchWithRotate: false,
      dragRotate: false,
      maxZoom: 20,
      fadeDuration: 0,
      locale: {
        "Map.Title": use.label,
        "NavigationControl.ZoomIn": t("map.zoom_in"),
        "NavigationControl.ZoomOut": t("map.zoom_out"),
      },
    });
    /** @type {any} */ (container).map = this.map; // for the console, and for measuring
    this.map.touchZoomRotate.disableRotation();
    this.map.addControl(new globalThis.maplibregl.NavigationControl({ showCompass: false }), "top-right");
    this.map.addControl(new globalThis.maplibregl.ScaleControl({}), "bottom-right");
    this.ready = new Promise((resolve) => this.map.once("style.load", resolve)).then(() => this.dress());
    this.listen(container);
    onTheme(() => this.ready.then(() => this.paint()));
  }

  /** Outlines, streets and the way, in the theme's colours. */
  dress() {
    for (const id of ["outlines", "way"]) this.map.addSource(id, { type: "geojson", data: EMPTY });
    const isArea = /** @type {any} */ (["match", ["geometry-type"], ["Polygon", "MultiPolygon"], true, false]);
    const isLine = /** @type {any} */ (["match", ["geometry-type"], ["LineString", "MultiLineString"], true, false]);
    this.map.addLayer({ id: "area", type: "fill", source: "outlines", filter: isArea, maxzoom: STREETS_ZOOM });
    const edge = /** @type {const} */ ({ id: "edge", type: "line", source: "outlines", filter: isArea });
    const maxzoom = this.scenario.outlines ? 24 : STREETS_ZOOM;
    this.map.addLayer({ ...edge, maxzoom, paint: { "line-width": 1.5 } });
    const round = /** @type {const} */ ({ "line-cap": "round", "line-join": "round" });
    const width = /** @type {any} */ (["interpolate", ["exponential", 2], ["zoom"], 13, 1, 18, 22]);
    const street = /** @type {const} */ ({ id: "street", type: "line", source: "outlines", filter: isLine });
    this.map.addLayer({ ...street, layout: round, paint: { "line-width": width } });
    if (!this.scenario.outlines) this.hide("street", true);
    const dashes = { "line-width": 3, "line-dasharray": [1.5, 1.5] };
    this.map.addLayer({ id: "way", type: "line", source: "way", layout: round, paint: dashes });
    this.hide("way", true);
    this.paint();
  }

  /** Also a layer that draws nothing has its tiles masked in every frame. @param {string} layer @param {boolean} hidden */
  hide(layer, hidden) {
    this.map.setLayoutProperty(layer, "visibility", hidden ? "none" : "visible");
  }

  paint() {
    const colours = COLOURS[theme()];
    if (this.map.getLayer("ground")) this.map.setPaintProperty("ground", "background-color", near(colours.ground, colours.area));
    this.map.setPaintProperty("area", "fill-color", colours.area);
    this.map.setPaintProperty("edge", "line-color", colours.edge);
    this.map.setPaintProperty("street", "line-color", colours.street);
    this.map.setPaintProperty("way", "line-color", colours.way);
    this.layer?.repaint();
  }

  /**
   * Draw these bays from now on.
   * @param {Bay[]} bays @param {Array<{zone: string, centre: Place|null}>} zones
   */
  async setBays(bays, zones) {
    await this.ready;
    if (this.layer) this.map.removeLayer("bays");
    const outlines = this.scenario.outlines ?? hulls(bays);
    this.map.getSource("outlines").setData(outlines);
    this.layer = new BayLayer(bays);
    this.map.addLayer(this.layer, "way");
    this.name(outlines, zones, bays);
  }

  /**
   * Names of streets, districts and zones as elements: no font has to be fetched for them.
   * @param {any} outlines @param {Array<{zone: string, centre: Place|null}>} zones @param {Bay[]} bays
   */
  name(outlines, zones, bays) {
    /** @type {Array<[string, [number, number], string]>} */
    const labels = outlines.features
      .filter((/** @type {any} */ { properties }) => properties?.name)
      .map((/** @type {any} */ { properties, geometry }) => [properties.name, middle(geometry), geometry.type]);
    const have = new Set(labels.map(([name]) => name));
    const north = new Map();
    for (const { zone, lat } of bays) north.set(zone, Math.max(lat, north.get(zone) ?? -90));
    for (const { zone, centre } of zones) {
      if (centre && !have.has(zone)) labels.push([zone, [centre.lon, north.get(zone)], "Zone"]);
    }
    this.labels?.forEach((/** @type {any} */ marker) => marker.remove());
    this.labels = labels.map(([text, [lon, lat], kind]) => {
      const looks = kind.includes("Line") ? "map-label map-label-street" : "map-label";
      const above = kind === "Zone" ? { anchor: "bottom", offset: [0, -14] } : {};
      return this.mark({ lon, lat }, { element: h("div", { class: looks, "aria-hidden": "true" }, text), ...above });
    });
    const declutter = () => this.map.getContainer().classList.toggle("streets-named", this.map.getZoom() >= 15.5);
    this.map.on("zoom", declutter);
    declutter();
  }

  /** @param {Array<{bay: string, status: string}>} changes */
  apply(changes) {
    for (const { bay, status } of changes) this.layer?.setStatus(bay, status);
    this.pace();
  }

  /** Paint what has changed, leaving the machine free for twice as long as the last painting took it. */
  pace() {
    if (this.pacing) return;
    this.pacing = true;
    requestAnimationFrame((began_at) => {
      this.map.triggerRepaint();
      this.map.once("render", () =>
        requestAnimationFrame((ended_at) => {
          const again = () => {
            this.pacing = false;
            if (this.layer?.changed) this.pace();
          };
          setTimeout(again, Math.max(PAINT_MS, 2 * (ended_at - began_at)));
        }),
      );
    });
  }

  /** @param {(bay: Bay) => boolean} wanted */
  show(wanted) {
    const layer = this.layer;
    layer?.show((at) => wanted(/** @type {Bay} */ (layer.bays[at])));
    this.map.triggerRepaint();
  }

  /**
   * Ring a bay, or none; `offset` is where it is to stand, from the middle, in pixels.
   * @param {Bay|null} bay @param {{fly?: boolean, offset?: [number, number]}} [how]
   */
  ring(bay, { fly = false, offset = [0, 0] } = {}) {
    this.ringed?.remove();
    this.ringed = bay && this.mark(bay, { element: h("div", { class: "map-ring", "aria-hidden": "true" }) });
    if (bay && fly) this.go(bay, Math.max(this.map.getZoom(), 17), offset);
  }

  /** @param {{lat: number, lon: number}} place @param {number} [zoom] @param {[number, number]} [offset] */
  go(place, zoom = this.map.getZoom(), offset = [0, 0]) {
    this.map.easeTo({ center: [place.lon, place.lat], zoom, offset, duration: 400 });
  }

  /** @param {Place} place @param {any} options */
  mark(place, options) {
    return new globalThis.maplibregl.Marker(options).setLngLat([place.lon, place.lat]).addTo(this.map);
  }

  /** Show where to, and the straight way from there to the bay. @param {Place|null} from @param {Place|null} to */
  showWay(from, to) {
    this.pin?.remove();
    const pin = h("div", { "aria-hidden": "true" }, h("div", { class: "map-pin" }));
    this.pin = from && this.mark(from, { element: pin, anchor: "bottom" });
    this.ready.then(() => {
      this.map.getSource("way").setData(from && to ? line(from, to) : EMPTY);
      this.hide("way", !(from && to));
    });
    if (from && to) {
      const [west, east] = [Math.min(from.lon, to.lon), Math.max(from.lon, to.lon)];
      const [south, north] = [Math.min(from.lat, to.lat), Math.max(from.lat, to.lat)];
      this.map.fitBounds([[west, south], [east, north]], { padding: 90, maxZoom: 17.5, duration: 400 });
    }
  }

  /** @param {HTMLElement} container */
  listen(container) {
    const pick = (/** @type {{lng: number, lat: number}} */ place, /** @type {number} */ reach_px) => {
      const at = this.layer?.nearest(place, this.map.getZoom(), reach_px) ?? -1;
      if (at >= 0) this.use.pickBay?.(this.layer?.bays[at].bay ?? "");
      this.use.pickPlace?.({ lat: place.lat, lon: place.lng });
    };
    this.map.on("click", (/** @type {any} */ event) => pick(event.lngLat, REACH_PX));
    this.map.on("mousemove", (/** @type {any} */ event) => {
      const over = this.use.pickBay && (this.layer?.nearest(event.lngLat, this.map.getZoom(), REACH_PX) ?? -1) >= 0;
      this.map.getCanvas().style.cursor = over ? "pointer" : this.use.pickPlace ? "crosshair" : "";
    });
    container.append(h("div", { class: "map-cross", "aria-hidden": "true" }));
    this.map.getCanvas().addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      pick(this.map.getCenter(), 60);
    });
  }
}

/**
 * A colour that changes on the way down to the streets, where filling areas would only cost.
 * @param {string} far @param {string} close
 */
function near(far, close) {
  return ["interpolate", ["linear"], ["zoom"], STREETS_ZOOM - 1, far, STREETS_ZOOM, close];
}

/** A soft area around each zone's bays, where the scenario has no outlines. @param {Bay[]} bays */
function hulls(bays) {
  const byZone = Map.groupBy(bays, (bay) => bay.zone);
  const features = [...byZone.values()].map((of) => ({
    type: "Feature",
    properties: {},
    geometry: { type: "Polygon", coordinates: [hull(of.flatMap(around))] },
  }));
  return { type: "FeatureCollection", features };
}

/** Eight points 45 m around a bay. @param {Bay} bay @returns {Array<[number, number]>} */
function around({ lat, lon }) {
  const step_lat = 45 / 111_320;
  const step_lon = step_lat / Math.cos((lat * Math.PI) / 180);
  return [0, 1, 2, 3, 4, 5, 6, 7].map((eighth) => {
    const angle = (eighth * Math.PI) / 4;
    return [lon + step_lon * Math.cos(angle), lat + step_lat * Math.sin(angle)];
  });
}

/** @param {Place} from @param {Place} to */
function line(from, to) {
  const coordinates = [[from.lon, from.lat], [to.lon, to.lat]];
  return { type: "Feature", properties: {}, geometry: { type: "LineString", coordinates } };
}

/** The convex hull, closed (Andrew's monotone chain). @param {Array<[number, number]>} points */
function hull(points) {
  const sorted = points.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const half = (/** @type {Array<[number, number]>} */ from) => {
    /** @type {Array<[number, number]>} */
    const chain = [];
    for (const point of from) {
      while (chain.length > 1 && turn(chain[chain.length - 2], chain[chain.length - 1], point) <= 0) chain.pop();
      chain.push(point);
    }
    return chain.slice(0, -1);
  };
  const ring = [...half(sorted), ...half(sorted.reverse())];
  return [...ring, ring[0]];
}

/** @param {[number, number]} a @param {[number, number]} b @param {[number, number]} c */
function turn(a, b, c) {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

/** A point to write a name at. @param {any} geometry @returns {[number, number]} */
function middle(geometry) {
  if (geometry.type === "Point") return geometry.coordinates;
  const flat = geometry.coordinates.flat(Infinity);
  const pairs = flat.length / 2;
  if (geometry.type.includes("Line")) {
    const at = 2 * Math.floor(pairs / 2);
    return [flat[at], flat[at + 1]];
  }
  let [lon, lat] = [0, 0];
  for (let at = 0; at < flat.length; at += 2) [lon, lat] = [lon + flat[at], lat + flat[at + 1]];
  return [lon / pairs, lat / pairs];
}
