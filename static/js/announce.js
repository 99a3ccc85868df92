// @ts-check
// A polite live region, made once for a page.
export const announcer = () => {
  const region = document.createElement("p");
  region.className = "visually-hidden";
  region.setAttribute("role", "status");
  document.body.append(region);
  /** @param {string} text */
  return (text) => {
    region.textContent = text;
  };
};
