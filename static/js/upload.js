// An upload with its progress, a way to stop it, and chosen files that survive a correction; files
// that are dropped (drop.js), or chosen together, go to the fields of their kinds.
// Without this script the same form is sent by the browser.
const form = document.querySelector("form[data-upload]");
const MB = 1024 * 1024;
const KINDS = [
  ["config", /\.(json|ya?ml)$/i],
  ["reference", /\.csv$/i],
  ["file", /./],
];

if (form) {
  const limit = Number(form.dataset.maxBytes);
  const file = form.elements.file;
  const button = form.querySelector("button[type=submit]");
  const box = form.querySelector("[data-progress]");
  const bar = box.querySelector("progress");
  const words = box.querySelector("[data-words]");
  const said = box.querySelector("[data-said]");
  const trouble = form.querySelector("[data-trouble]");
  let request = null;

  const locale = document.documentElement.dataset.decimalMark === "," ? "de" : "en";
  const mb = (bytes) => {
    const places = bytes < 10 * MB ? 1 : 0;
    return (bytes / MB).toLocaleString(locale, { minimumFractionDigits: places, maximumFractionDigits: places });
  };

  function complain(sentence) {
    trouble.hidden = !sentence;
    trouble.querySelector("strong").textContent = sentence;
    if (sentence) trouble.focus();
  }

  function tooLarge() {
    const chosen = file.files[0];
    const sentence =
      chosen && chosen.size > limit
        ? `${chosen.name} has ${mb(chosen.size)} MB; this site takes at most ${mb(limit)} MB. ` +
          "Save the model compressed (joblib.dump(model, file, compress=3)) or make it smaller."
        : "";
    file.setCustomValidity("");
    complain(sentence);
    return Boolean(sentence);
  }

  // Each file to the field of its kind. Two of a kind are not guessed at.
  function takeFiles(files) {
    if (request || !files.length) return;
    const taken = new Map();
    for (const one of files) {
      const [name] = KINDS.find(([, ending]) => ending.test(one.name));
      if (taken.has(name)) {
        const former = taken.get(name).name;
        return complain(`${former} and ${one.name} belong to the same field. Drop one of them; nothing was chosen.`);
      }
      taken.set(name, one);
    }
    for (const [name, one] of taken) {
      const chosen = new DataTransfer();
      chosen.items.add(one);
      form.elements[name].files = chosen.files;
    }
    form.querySelector("[data-chosen]").textContent = `Chosen: ${[...taken.values()].map((one) => one.name).join(", ")}`;
    if (taken.has("reference")) form.querySelector("[data-about-reference]").open = true;
    tooLarge();
  }

  form.querySelector("[data-drop]").addEventListener("files", ({ detail }) => takeFiles(detail));
  const choose = form.querySelector("[data-choose]");
  choose.hidden = false;
  choose.addEventListener("click", () => {
    const several = document.createElement("input");
    several.type = "file";
    several.multiple = true;
    several.addEventListener("change", () => takeFiles(several.files));
    several.click();
  });
  form.elements.reference.addEventListener("change", (event) => {
    if (event.target.files.length) form.querySelector("[data-about-reference]").open = true;
  });

  function idle() {
    request = null;
    box.hidden = true;
    button.disabled = false;
  }

  // The server's page says what to correct; its lines replace ours, and the chosen files stay.
  function takeOver(html, status) {
    const answer = new DOMParser().parseFromString(html, "text/html");
    const theirs = answer.querySelectorAll("form[data-upload] [data-field]");
    if (!theirs.length) {
      const why = answer.querySelector("main.auth p")?.textContent;
      const otherwise =
        status === 413
          ? "The file is larger than this site takes."
          : "The server did not take the file. Try again in a minute.";
      return complain(why || otherwise);
    }
    for (const other of theirs) {
      const own = form.querySelector(`[data-field="${CSS.escape(other.dataset.field)}"]`);
      own.classList.toggle("bad", other.classList.contains("bad"));
      own.querySelector("[data-line]").replaceWith(other.querySelector("[data-line]"));
    }
    const general = answer.querySelector("form[data-upload] [data-trouble] strong");
    complain(general.textContent || "Some values need a correction. The files you chose are still chosen.");
    form.querySelector(".field.bad :is(input, textarea)")?.focus();
  }

  file.addEventListener("change", tooLarge);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (request || tooLarge()) return;
    request = new XMLHttpRequest();
    let told = -1;
    request.upload.addEventListener("progress", ({ loaded, total, lengthComputable }) => {
      if (!lengthComputable) return;
      const percent = Math.floor((100 * loaded) / total);
      bar.value = percent;
      words.textContent = `${percent} %, ${mb(loaded)} of ${mb(total)} MB`;
      if (percent >= told + 25) said.textContent = `${(told = percent)} % uploaded`;
    });
    request.upload.addEventListener("load", () => {
      bar.removeAttribute("value");
      words.textContent = said.textContent = "All received. The file is being stored.";
    });
    request.addEventListener("load", () => {
      const { status, responseText } = request;
      idle();
      if (status === 201) location.assign(JSON.parse(responseText).url);
      else takeOver(responseText, status);
    });
    request.addEventListener("error", () => {
      idle();
      complain("The connection broke. Nothing was kept; the files you chose are still chosen.");
    });
    request.addEventListener("abort", () => {
      idle();
      complain("Canceled. Nothing was kept.");
    });
    request.open("POST", form.action);
    request.setRequestHeader("X-Requested-With", "XMLHttpRequest");
    complain("");
    bar.value = 0;
    words.textContent = "Starting";
    box.hidden = false;
    button.disabled = true;
    request.send(new FormData(form));
  });
  box.querySelector("button").addEventListener("click", () => request?.abort());
  addEventListener("beforeunload", (event) => {
    if (request) event.preventDefault();
  });
}
