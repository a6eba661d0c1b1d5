// Live amounts for a number of units. The server computes the same sums when the form is sent; these are for reading.
//
// <div data-units data-investment="5000" data-donation="5000" data-fee="500" data-pattern="¥{}">
//   <input type="number" data-units-input min="1" max="49"> with <button data-step="-1"> and <button data-step="1">
//   <output data-out="investment|donation|fee|total">
// Parts with data-live are shown only while the amounts follow.
// Amounts are whole yen for one unit. An empty pattern (a currency with decimals) leaves the page as the server made it.
const PARTS = ["investment", "donation", "fee"];

function start(root) {
  const input = root.querySelector("[data-units-input]");
  const pattern = root.dataset.pattern;
  if (!input || !pattern) return;
  const price = Object.fromEntries(PARTS.map((part) => [part, Number(root.dataset[part] || 0)]));
  price.total = PARTS.reduce((sum, part) => sum + price[part], 0);
  const least = Number(input.min || 1);
  const most = Number(input.max || Number.MAX_SAFE_INTEGER);
  const buttons = [...root.querySelectorAll("[data-step]")];

  const write = (amount) => pattern.replace("{}", amount.toLocaleString("en-US"));

  function update() {
    const units = Number(input.value);
    const sound = Number.isInteger(units) && units >= least && units <= most;
    for (const output of root.querySelectorAll("[data-out]")) {
      output.textContent = sound ? write(price[output.dataset.out] * units) : "—";
    }
    for (const button of buttons) {
      const next = units + Number(button.dataset.step);
      button.disabled = sound && (next < least || next > most);
    }
  }

  for (const part of root.querySelectorAll("[data-live]")) part.hidden = false;
  for (const button of buttons) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const units = Math.trunc(Number(input.value)) || 0;
      input.value = String(Math.min(most, Math.max(least, units + Number(button.dataset.step))));
      input.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }
  input.addEventListener("input", update);
  update();
}

document.querySelectorAll("[data-units]").forEach(start);
