// Ticked rows follow across pages, the tray counts them, and the undo bar leaves after ten seconds.
// Without scripts the tray is a plain bar of submits for the rows of one page.
const KEY = "ticked";
const MOST = 50; // what one act takes
const COMPARED = 3;
const UNDO_MS = 10_000;

const tray = document.getElementById("tray");
const ticked = new Set(JSON.parse(sessionStorage.getItem(KEY) ?? "[]"));

const boxes = () => document.querySelectorAll('input[form="tray"][name="ids"]');

function hint() {
  if (ticked.size >= MOST) return `at most ${MOST} at once`;
  if (!tray.querySelector("[data-compare]")) return "";
  if (ticked.size > COMPARED) return `to compare, remove ${ticked.size - COMPARED === 1 ? "one" : ticked.size - COMPARED} first`;
  return ticked.size === COMPARED ? "the most that can be compared" : "";
}

function show() {
  const here = new Set();
  for (const box of boxes()) {
    box.checked = ticked.has(box.value) && !box.disabled;
    here.add(box.value);
  }
  for (const carried of tray.querySelectorAll('input[type="hidden"][name="ids"]')) carried.remove();
  for (const id of ticked) {
    if (here.has(id)) continue;
    const carried = document.createElement("input");
    Object.assign(carried, { type: "hidden", name: "ids", value: id });
    tray.append(carried);
  }
  tray.hidden = ticked.size === 0;
  tray.querySelector("[data-count]").textContent = `${ticked.size} selected`;
  tray.querySelector("[data-hint]").textContent = hint();
  const compare = tray.querySelector("[data-compare]");
  if (compare) compare.disabled = ticked.size < 2 || ticked.size > COMPARED;
  sessionStorage.setItem(KEY, JSON.stringify([...ticked]));
}

if (tray) {
  document.addEventListener("change", ({ target }) => {
    if (!target.matches('input[form="tray"][name="ids"]')) return;
    if (target.checked && ticked.size < MOST) ticked.add(target.value);
    else ticked.delete(target.value);
    show();
  });
  tray.addEventListener("reset", () => {
    ticked.clear();
    setTimeout(show); // after the boxes are reset
  });
  document.body.addEventListener("htmx:afterSwap", show); // a row that has just finished
  window.addEventListener("pageshow", show); // a browser that goes back restores old boxes
}

const undo = document.getElementById("undo");
if (undo) {
  for (const gone of undo.querySelectorAll('[name="ids"]')) ticked.delete(gone.value);
  sessionStorage.setItem(KEY, JSON.stringify([...ticked]));
  setTimeout(() => (undo.hidden = true), UNDO_MS);
}
