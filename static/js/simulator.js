// The simulator answers while one types. The server works it out each time, by the rule that pays: this module only
// fetches the same page for the new figures and swaps its result in. Without it the form is sent as usual.
const WAIT = 250;

function start(form) {
  const result = document.querySelector("[data-simulator-result]");
  const slider = form.querySelector("[data-simulator-slider]");
  const percent = form.elements.sales_pct;
  if (!result || !percent) return;
  let timer = 0;
  let running = null;

  async function update() {
    running?.abort();
    running = new AbortController();
    const url = new URL(form.action, location.href);
    url.search = new URLSearchParams(new FormData(form)).toString();
    try {
      const response = await fetch(url, { signal: running.signal, credentials: "same-origin" });
      if (!response.ok) return;
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const fresh = page.querySelector("[data-simulator-result]");
      // A page with an error is left to the form's own button, which shows the error where it belongs.
      if (!fresh || page.querySelector("[data-error-summary]")) return;
      result.replaceChildren(...fresh.childNodes);
      history.replaceState(null, "", url);
    } catch (error) {
      if (error.name !== "AbortError") form.submit();
    }
  }

  // The examples keep the number of units that has been typed since.
  function keepUnits() {
    for (const link of form.querySelectorAll("[data-simulator-preset]")) {
      const url = new URL(link.href, location.href);
      url.searchParams.set("units", form.elements.units.value);
      link.href = url.href;
    }
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(update, WAIT);
  }

  if (slider) {
    slider.hidden = false;
    slider.addEventListener("input", () => {
      percent.value = slider.value;
      soon();
    });
    percent.addEventListener("input", () => {
      slider.value = percent.value;
    });
  }
  form.addEventListener("input", (event) => {
    keepUnits();
    if (event.target !== slider) soon();
  });
}

document.querySelectorAll("[data-simulator]").forEach(start);
