// Dark or light: as the system says, until somebody chooses. The colours themselves are in css/tokens.css.

const STORED = "inspector.theme";
const root = document.documentElement;
const light = matchMedia("(prefers-color-scheme: light)");

export function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : !light.matches;
}

export function toggleTheme() {
  root.dataset.theme = isDark() ? "light" : "dark";
  localStorage.setItem(STORED, root.dataset.theme);
  root.dispatchEvent(new CustomEvent("themechange"));
}

/** The colour of a token, `--accent` say, as rgb(...): for a canvas or a library that reads no CSS. Listen to
    `themechange` on the root element for when to ask again. */
export function colour(token) {
  const probe = document.createElement("span");
  probe.style.color = `var(${token})`;
  root.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}
light.addEventListener("change", () => root.dispatchEvent(new CustomEvent("themechange")));
