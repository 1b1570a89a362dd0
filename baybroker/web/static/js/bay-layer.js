/**
 * The bays as one custom layer of the map: a place and a status byte each, drawn by the graphics card in one call.
 * A change of status is a byte; nothing is tiled, sorted or uploaded again but those bytes.
 */

import { STATUSES, symbolPixels } from "./status.js";

const VERTEX = `#version 300 es
uniform mat4 u_matrix;
uniform float u_size;
in vec2 a_place;
in uint a_status;
in uint a_shown;
flat out uint v_status;
void main() {
  v_status = a_status;
  gl_Position = a_shown == 0u ? vec4(2.0, 2.0, 2.0, 1.0) : u_matrix * vec4(a_place, 0.0, 1.0);
  gl_PointSize = u_size;
}`;
const FRAGMENT = `#version 300 es
precision mediump float;
precision mediump sampler2DArray;
uniform sampler2DArray u_symbols;
flat in uint v_status;
out vec4 colour;
void main() {
  colour = texture(u_symbols, vec3(gl_PointCoord, float(v_status)));
}`;
const BAY_M = 10;
const SIZE_PX = { least: 5, most: 28 };
const EARTH_AROUND_M = 40_075_016.7;
const CELL_ZOOM = 16;
const MARGIN_CELLS = 0.2;

/** @typedef {{bay: string, lat: number, lon: number, status: string}} DrawnBay */

export class BayLayer {
  id = "bays";
  type = /** @type {const} */ ("custom");
  renderingMode = /** @type {const} */ ("2d");

  /** @param {DrawnBay[]} bays */
  constructor(bays) {
    const mercator = globalThis.maplibregl.MercatorCoordinate;
    const placed = bays.map((bay) => ({ bay, ...mercator.fromLngLat([bay.lon, bay.lat]) }));
    placed.sort((one, other) => row(one.y) - row(other.y) || row(one.x) - row(other.x));
    bays = placed.map(({ bay }) => bay);
    /** In the order of the buffers: bays of one cell of the earth lie together, so that only those in view are drawn. */
    this.bays = bays;
    this.places = placed;
    this.cells = cellsOf(placed);
    this.index = new Map(bays.map((bay, at) => [bay.bay, at]));
    this.status = Uint8Array.from(bays, (bay) => statusByte(bay.status));
    this.shown = new Uint8Array(bays.length).fill(1);
    this.lat = bays.length ? bays.reduce((sum, bay) => sum + bay.lat, 0) / bays.length : 0;
    // Single precision is too coarse for the whole earth at street level: places are relative to this one.
    this.origin = this.places[0] ?? { x: 0.5, y: 0.5 };
    this.changed = false;
    this.drawn = false;
  }

  /** @param {string} bay @param {string} status */
  setStatus(bay, status) {
    const at = this.index.get(bay);
    if (at === undefined) return;
    this.status[at] = statusByte(status);
    this.changed = true;
  }

  /** @param {(bay: number) => boolean} wanted */
  show(wanted) {
    for (let at = 0; at < this.shown.length; at += 1) this.shown[at] = wanted(at) ? 1 : 0;
    this.changed = true;
  }

  /** The size of a symbol in CSS pixels: a bay's own length on the ground, within limits. @param {number} zoom */
  size_px(zoom) {
    const px_per_m = (512 * 2 ** zoom) / (EARTH_AROUND_M * Math.cos((this.lat * Math.PI) / 180));
    return Math.min(SIZE_PX.most, Math.max(SIZE_PX.least, BAY_M * px_per_m));
  }

  /**
   * The nearest shown bay within `reach_px` of a place, as an index, or -1.
   * @param {{lng: number, lat: number}} place @param {number} zoom @param {number} reach_px
   */
  nearest(place, zoom, reach_px) {
    const { x, y } = globalThis.maplibregl.MercatorCoordinate.fromLngLat(place);
    let best = -1;
    let least = (reach_px / (512 * 2 ** zoom)) ** 2;
    this.places.forEach((at, bay) => {
      const away = (at.x - x) ** 2 + (at.y - y) ** 2;
      if (away < least && this.shown[bay]) [best, least] = [bay, away];
    });
    return best;
  }

  /** @param {any} map @param {WebGL2RenderingContext} gl */
  onAdd(map, gl) {
    this.map = map;
    this.program = link(gl);
    this.uniform = {
      matrix: gl.getUniformLocation(this.program, "u_matrix"),
      size: gl.getUniformLocation(this.program, "u_size"),
    };
    const relative = this.places.flatMap(({ x, y }) => [x - this.origin.x, y - this.origin.y]);
    this.vertices = gl.createVertexArray();
    gl.bindVertexArray(this.vertices);
    attribute(gl, this.program, "a_place", Float32Array.from(relative), 2);
    this.statusBuffer = attribute(gl, this.program, "a_status", this.status, 1);
    this.shownBuffer = attribute(gl, this.program, "a_shown", this.shown, 1);
    gl.bindVertexArray(null);
    this.texture = gl.createTexture();
    this.paint(gl);
  }

  /** Draw the symbols anew, in the theme's colours. @param {WebGL2RenderingContext} gl */
  paint(gl) {
    const { pixels, size_px, count } = symbolPixels();
    const target = gl.TEXTURE_2D_ARRAY;
    gl.bindTexture(target, this.texture ?? null);
    gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
    premultiply(pixels);
    gl.texImage3D(target, 0, gl.RGBA, size_px, size_px, count, 0, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    gl.generateMipmap(target);
    gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_NEAREST);
    gl.texParameteri(target, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(target, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  }

  repaint() {
    this.stale = true;
    this.map?.triggerRepaint();
  }

  /** @param {WebGL2RenderingContext} gl @param {any} frame */
  render(gl, frame) {
    if (this.stale) this.paint(gl);
    this.stale = false;
    if (this.changed) this.upload(gl);
    gl.useProgram(this.program ?? null);
    gl.uniformMatrix4fv(this.uniform?.matrix ?? null, false, moved(frame.defaultProjectionData.mainMatrix, this.origin));
    gl.uniform1f(this.uniform?.size ?? null, this.size_px(this.map.getZoom()) * this.map.getPixelRatio());
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.texture ?? null);
    gl.disable(gl.DEPTH_TEST);
    gl.disable(gl.STENCIL_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.bindVertexArray(this.vertices ?? null);
    for (const [from, count] of this.inView()) gl.drawArrays(gl.POINTS, from, count);
    gl.bindVertexArray(null);
    if (!this.drawn) performance.mark("bays-drawn");
    this.drawn = true;
  }

  /** Runs of bays that may be seen, as first and count. @returns {Array<[number, number]>} */
  inView() {
    const mercator = globalThis.maplibregl.MercatorCoordinate;
    const bounds = this.map.getBounds();
    const [first, last] = [mercator.fromLngLat(bounds.getNorthWest()), mercator.fromLngLat(bounds.getSouthEast())];
    const [left, right] = [scaled(first.x) - MARGIN_CELLS, scaled(last.x) + MARGIN_CELLS].map(Math.floor);
    const [top, bottom] = [scaled(first.y) - MARGIN_CELLS, scaled(last.y) + MARGIN_CELLS].map(Math.floor);
    /** @type {Array<[number, number]>} */
    const runs = [];
    for (const { x, y, from, count } of this.cells) {
      if (x < left || x > right || y < top || y > bottom) continue;
      const run = runs.at(-1);
      if (run && run[0] + run[1] === from) run[1] += count;
      else runs.push([from, count]);
    }
    return runs;
  }

  /** @param {WebGL2RenderingContext} gl */
  upload(gl) {
    gl.bindBuffer(gl.ARRAY_BUFFER, this.statusBuffer ?? null);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, this.status);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.shownBuffer ?? null);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, this.shown);
    this.changed = false;
  }

  /** @param {any} _map @param {WebGL2RenderingContext} gl */
  onRemove(_map, gl) {
    gl.deleteProgram(this.program ?? null);
    gl.deleteVertexArray(this.vertices ?? null);
    gl.deleteTexture(this.texture ?? null);
  }
}

/** In cells of the earth. @param {number} mercator */
function scaled(mercator) {
  return mercator * 2 ** CELL_ZOOM;
}

/** @param {number} mercator */
function row(mercator) {
  return Math.floor(scaled(mercator));
}

/** Where each cell's bays lie among the sorted ones. @param {Array<{x: number, y: number}>} placed */
function cellsOf(placed) {
  /** @type {Array<{x: number, y: number, from: number, count: number}>} */
  const cells = [];
  placed.forEach((place, at) => {
    const [x, y] = [row(place.x), row(place.y)];
    const cell = cells.at(-1);
    if (cell && cell.x === x && cell.y === y) cell.count += 1;
    else cells.push({ x, y, from: at, count: 1 });
  });
  return cells;
}

/** @param {string} status */
function statusByte(status) {
  const at = STATUSES.indexOf(/** @type {any} */ (status));
  return at < 0 ? STATUSES.indexOf("unknown") : at;
}

/** @param {WebGL2RenderingContext} gl */
function link(gl) {
  const program = /** @type {WebGLProgram} */ (gl.createProgram());
  const parts = /** @type {const} */ ([[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]);
  for (const [kind, source] of parts) {
    const shader = /** @type {WebGLShader} */ (gl.createShader(kind));
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "no program");
  return program;
}

/**
 * @param {WebGL2RenderingContext} gl @param {WebGLProgram} program @param {string} name
 * @param {Float32Array|Uint8Array} values @param {number} size
 */
function attribute(gl, program, name, values, size) {
  const buffer = gl.createBuffer();
  const at = gl.getAttribLocation(program, name);
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
  gl.enableVertexAttribArray(at);
  if (values instanceof Float32Array) gl.vertexAttribPointer(at, size, gl.FLOAT, false, 0, 0);
  else gl.vertexAttribIPointer(at, size, gl.UNSIGNED_BYTE, 0, 0);
  return buffer;
}

/** The matrix for places relative to `origin`, multiplied in double precision. @param {ArrayLike<number>} m */
function moved(m, /** @type {{x: number, y: number}} */ origin) {
  const matrix = Float64Array.from(m);
  for (let row = 0; row < 4; row += 1) matrix[12 + row] += m[row] * origin.x + m[4 + row] * origin.y;
  return Float32Array.from(matrix);
}

/** @param {Uint8Array} pixels */
function premultiply(pixels) {
  for (let at = 0; at < pixels.length; at += 4) {
    const alpha = pixels[at + 3] / 255;
    for (let part = 0; part < 3; part += 1) pixels[at + part] *= alpha;
  }
}
