// The theme switch without a round trip. With scripts off its form leads to a page that does the same.
const YEAR = 365 * 24 * 3600;

for (const form of document.querySelectorAll("[data-theme-switch]")) {
  form.addEventListener("submit", (event) => {
    const theme = event.submitter?.value;
    if (!theme) return;
    event.preventDefault();
    const chosen = theme === "light" || theme === "dark";
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `theme=${chosen ? theme : ""}; path=/; samesite=lax; max-age=${chosen ? YEAR : 0}${secure}`;
    if (chosen) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    for (const button of form.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.value === theme));
    }
  });
}
