// Light, dark, or as the system is: chosen here, kept for the next visit.

const STORE = "coze-bridge-demo-theme";
const THEMES = ["auto", "light", "dark"];

/** What is chosen: `auto`, `light` or `dark`. */
export function theme() {
  const stored = localStorage.getItem(STORE);
  return THEMES.includes(stored) ? stored : "auto";
}

export function applyTheme() {
  if (theme() === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme();
}

export function nextTheme() {
  localStorage.setItem(STORE, THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
  applyTheme();
}
