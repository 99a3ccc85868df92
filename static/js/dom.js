// @ts-check
// Elements of the page as what they are: a missing or different one is an error where it is asked for, not later.

/**
 * @template {Element} E
 * @param {string} id
 * @param {new () => E} kind
 */
export const byId = (id, kind) => find(document, `#${CSS.escape(id)}`, kind);

/**
 * @template {Element} E
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => E} kind
 * @returns {E}
 */
export const find = (root, selector, kind) => {
  const found = root.querySelector(selector);
  if (found instanceof kind) return found;
  throw new Error(`no ${kind.name} matches ${selector}`);
};

/**
 * @template {Element} E
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => E} kind
 * @returns {E[]}
 */
export const findAll = (root, selector, kind) =>
  [...root.querySelectorAll(selector)].flatMap((element) => (element instanceof kind ? [element] : []));

/** The element that an event happened in, and that matches. @param {Event} event @param {string} selector */
export const around = ({ target }, selector) =>
  target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest(selector)) : null;
