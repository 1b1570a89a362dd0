/** Elements without a framework. */

/**
 * Make an element. `on...` attributes are listeners, `true` sets a boolean attribute, null and false set none.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node|string|number|null|undefined|false)} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false).map(asNode));
  return element;
}

/** @param {any} child */
function asNode(child) {
  return child instanceof Node ? child : String(child);
}

/**
 * The element with that id, which is known to be there.
 * @param {string} id
 * @returns {any}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`no element #${id}`);
  return element;
}

/**
 * Call `work` at most once in `interval_ms`, the last call always.
 * @param {() => void} work
 * @param {number} interval_ms
 */
export function throttled(work, interval_ms) {
  let timer = 0;
  let last = 0;
  return () => {
    if (timer) return;
    timer = window.setTimeout(
      () => {
        timer = 0;
        last = performance.now();
        work();
      },
      Math.max(0, last + interval_ms - performance.now()),
    );
  };
}

/**
 * A table that scrolls by itself where the page is narrow.
 * @param {string} caption
 * @param {string[]} headings
 * @param {Array<Array<Node|string|number>>} rows the first cell of each is the row's heading
 */
export function table(caption, headings, rows) {
  const body = h(
    "tbody",
    {},
    ...rows.map(([first, ...more]) =>
      h("tr", {}, h("th", { scope: "row" }, first), ...more.map((cell) => h("td", {}, cell))),
    ),
  );
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h(
      "table",
      {},
      h("caption", { class: "hidden" }, caption),
      h("thead", {}, h("tr", {}, ...headings.map((heading) => h("th", { scope: "col" }, heading)))),
      body,
    ),
  );
}
