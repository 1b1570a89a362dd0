/** Who is looking: a demo's throw-away token, or one that was typed in and lasts as long as the tab. */

import { get, useToken } from "./api.js";
import { byId, h } from "./dom.js";
import { t } from "./i18n.js";

/** @typedef {"driver"|"resident"|"operator"} Role */
/** @typedef {{demo: boolean, role: string, subject: string|null, tokens?: Record<Role, string>}} Session */

const KEY = "baybroker.token";

/** The session with whatever token is at hand, and none asked for. @returns {Promise<Session>} */
export async function publicSession() {
  const open = await get("/session");
  if (open.demo) return open;
  useToken(sessionStorage.getItem(KEY) ?? "");
  return known();
}

/**
 * The session of a page that needs `role`: in a demo at once, else after a token of that role was typed in.
 * @param {Role} role @returns {Promise<Session>}
 */
export async function sessionOf(role) {
  const open = await publicSession();
  if (open.demo && open.tokens?.[role]) {
    useToken(open.tokens[role]);
    return { ...(await get("/session")), demo: true, tokens: open.tokens };
  }
  return open.role === role ? open : signIn(role);
}

/** Who the token says we are; a refused token is forgotten. @returns {Promise<Session>} */
async function known() {
  try {
    return await get("/session");
  } catch {
    signOut();
    return get("/session");
  }
}

export function signOut() {
  sessionStorage.removeItem(KEY);
  useToken("");
}

/** @param {Role} role @returns {Promise<Session>} */
function signIn(role) {
  const input = /** @type {HTMLInputElement} */ (
    h("input", { id: "token", type: "password", autocomplete: "off", required: true, "aria-describedby": "sign-in-help" })
  );
  const trouble = h("p", { role: "alert", class: "trouble" });
  const main = byId("main");
  const before = [...main.childNodes];
  return new Promise((resolve) => {
    const form = h(
      "form",
      {
        class: "card narrow",
        onsubmit: async (/** @type {SubmitEvent} */ event) => {
          event.preventDefault();
          useToken(input.value.trim());
          const found = await get("/session").catch((error) => ({ role: "", error }));
          if (found.role !== role) {
            useToken("");
            trouble.textContent = found.error ? found.error.message : t("sign_in.wrong_role", { role: t(`role.${role}`) });
            return;
          }
          sessionStorage.setItem(KEY, input.value.trim());
          main.replaceChildren(...before);
          resolve(found);
        },
      },
      h("h1", {}, t("sign_in.title", { role: t(`role.${role}`) })),
      h("label", { for: "token" }, t("sign_in.token")),
      input,
      h("p", { id: "sign-in-help", class: "muted" }, t("sign_in.help")),
      trouble,
      h("button", { class: "primary", type: "submit" }, t("sign_in.submit")),
    );
    main.replaceChildren(form);
    input.focus();
  });
}
