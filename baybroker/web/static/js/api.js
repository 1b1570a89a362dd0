/** The HTTP API: one place for tokens, JSON and problem details. */

/**
 * @typedef {Object} Problem RFC 9457
 * @property {string} title
 * @property {number} status
 * @property {string} [detail]
 * @property {Array<{field: string, message: string}>} [errors]
 * @property {string} [reason] of the allocator, where it refused
 */

/** What the server would not do, as it says itself. */
export class ApiError extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    const fields = (problem.errors ?? []).map((error) => `${error.field}: ${error.message}`);
    super([problem.detail || problem.title, ...fields].filter(Boolean).join("; "));
    this.status = problem.status;
    this.reason = problem.reason;
  }
}

let bearer = "";

/** @param {string} token */
export function useToken(token) {
  bearer = token;
}

/** @returns {Record<string, string>} */
export function authorization() {
  return bearer ? { Authorization: `Bearer ${bearer}` } : {};
}

/**
 * @param {string} path below /api/v1
 * @param {RequestInit} options
 */
async function ask(path, options) {
  const response = await fetch(`/api/v1${path}`, {
    ...options,
    headers: { Accept: "application/json", ...authorization(), ...options.headers },
  });
  if (response.ok) return response;
  let problem = { title: response.statusText || `HTTP ${response.status}`, status: response.status };
  try {
    problem = { ...problem, ...(await response.json()) };
  } catch {
    // Not JSON: a proxy speaks, and the status line says what it can.
  }
  throw new ApiError(problem);
}

/**
 * @param {string} path
 * @param {Record<string, any>} [query] null and "" are left out
 */
export async function get(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  const response = await ask(text ? `${path}?${text}` : path, {});
  return response.json();
}

/**
 * @param {string} path
 * @param {object} [body]
 * @param {Record<string, string>} [headers]
 */
export async function post(path, body = {}, headers = {}) {
  const response = await ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

/** @param {string} path @param {string} accept */
export async function download(path, accept) {
  const response = await ask(path, { headers: { Accept: accept } });
  return response.blob();
}

/** An id that was never used before, for `Idempotency-Key`. */
export function newRequestId() {
  const random = crypto.getRandomValues(new Uint8Array(12));
  return `web-${[...random].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
