// While a file is inspected, its steps are fetched again; the rest of the page stays as it is.
// Without this script the page reloads itself.
const box = document.querySelector("[data-inspection]");
let touched = false;
let wait = 700;

document.addEventListener("input", () => (touched = true), { once: true });

async function look() {
  try {
    const answer = await fetch(box.dataset.inspection, { headers: { "X-Requested-With": "fetch" } });
    if (!answer.ok) throw new Error(answer.statusText);
    const focused = box.contains(document.activeElement);
    box.innerHTML = await answer.text(); // our own template: everything in it is escaped
    if (focused) box.querySelector("a, summary")?.focus();
  } catch {
    wait = 5000; // the server is away for a moment
  }
  if (box.querySelector("[data-open]")) setTimeout(look, (wait = Math.min(wait * 1.2, 5000)));
  else if (!touched) location.reload(); // the inputs below are there now
}

const start = () => box.querySelector("[data-open]") && setTimeout(look, wait);

// A file that waited for its runtime is inspected again: htmx has put that inspection here.
box?.addEventListener("htmx:afterSwap", start);
if (box) start();
