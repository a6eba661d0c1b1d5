// A key that fails says why beside its button. Without this, allauth's scripts tell the console only.
const REASONS = { NotAllowedError: "cancelled", AbortError: "cancelled", InvalidStateError: "known", SecurityError: "address" };
const BUTTONS = "#passkey_login, [id^=mfa_webauthn_]";

const notice = document.getElementById("passkey-failed");
const place = document.querySelector(BUTTONS)?.closest(".cluster, .form-actions");

if (notice && place) {
  document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    place.before(notice);
    notice.lastElementChild.textContent = notice.dataset[REASONS[event.detail.exception?.name] ?? "other"];
    notice.hidden = false;
    notice.focus();
  });
}
