// A file with rows that is dropped (drop.js), and a size that is too large said before it is sent.
// Without this script the same form is sent by the browser.
const form = document.querySelector("form[data-rows]");
const MB = 1024 * 1024;

if (form) {
  const file = form.elements.file;
  const trouble = form.querySelector("[data-trouble]");
  const chosen = form.querySelector("[data-chosen]");

  function complain(sentence) {
    trouble.hidden = !sentence;
    trouble.textContent = sentence;
    return Boolean(sentence);
  }

  function isTooLarge() {
    const limit = Number(form.dataset.maxBytes);
    const one = file.files[0];
    const sizes = one && [one.size, limit].map((bytes) => Math.ceil(bytes / MB));
    return complain(
      one && one.size > limit ? `${one.name} has ${sizes[0]} MB; at most ${sizes[1]} MB are taken. Bring it in several parts.` : "",
    );
  }

  function take(files) {
    if (!files.length) return;
    if (files.length > 1) return complain(`These are ${files.length} files. Drop one of them; nothing was chosen.`);
    file.files = files;
    chosen.textContent = `Chosen: ${files[0].name}`;
    if (!isTooLarge()) form.querySelector("button[type=submit]").focus();
  }

  form.querySelector("[data-drop]").addEventListener("files", ({ detail }) => take(detail));
  file.addEventListener("change", isTooLarge);
  form.addEventListener("submit", (event) => isTooLarge() && event.preventDefault());
}
