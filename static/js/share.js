// Share a page: by the device's own sheet where there is one, else by copying its address. With scripts off the address
// stands there to be copied by hand, and a link writes a mail.
//
// <details data-share-page="address" data-share-title="…"> with <summary>, <button data-share-copy hidden>,
// <p data-share-said data-words="Copied.">
for (const menu of document.querySelectorAll("[data-share-page]")) {
  const { sharePage: url, shareTitle: title } = menu.dataset;
  if (navigator.share) {
    menu.querySelector("summary").addEventListener("click", (event) => {
      event.preventDefault();
      navigator.share({ title, url }).catch((error) => {
        if (error.name !== "AbortError") menu.open = true;
      });
    });
  }
  const copy = menu.querySelector("[data-share-copy]");
  if (!navigator.clipboard) continue;
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    const said = menu.querySelector("[data-share-said]");
    const field = menu.querySelector("input");
    try {
      await navigator.clipboard.writeText(url);
      said.textContent = said.dataset.words;
    } catch {
      field.select();
    }
  });
}
