// A file with rows that is dropped anywhere on the page, and a size that is too large said before it
// is sent. Without this script the same form is sent by the browser.
const form = document.querySelector("form[data-rows]");
const MB = 1024 * 1024;

if (form) {
  const area = form.querySelector("[data-drop]");
  const file = form.elements.file;
  const trouble = form.querySelector("[data-trouble]");
  const chosen = form.querySelector("[data-chosen]");
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");

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

  for (const kind of ["dragenter", "dragover"]) {
    addEventListener(kind, (event) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      area.classList.add("over");
    });
  }
  addEventListener("dragleave", (event) => event.relatedTarget || area.classList.remove("over"));
  addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    area.classList.remove("over");
    take(event.dataTransfer.files);
  });
  file.addEventListener("change", isTooLarge);
  form.addEventListener("submit", (event) => isTooLarge() && event.preventDefault());
  form.querySelector("[data-invitation]").hidden = !matchMedia("(hover: hover)").matches;
}
