// Shortcuts on the failures' pages, off while somebody types: j and k go on and back, r opens the
// review, n goes to the note. Without scripts every one of them is a link or a field of the page.
const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
const failure = document.querySelector("[data-failure]");
const links = [...document.querySelectorAll("[data-failures] a.main")];

function move(step) {
  if (failure) {
    const address = step > 0 ? failure.dataset.next : failure.dataset.previous;
    if (address) location.assign(address);
    return;
  }
  const place = links.indexOf(document.activeElement);
  links[Math.min(Math.max(place + step, 0), links.length - 1)]?.focus();
}

function review() {
  const menu = document.querySelector("[data-review]");
  if (!menu) return;
  menu.open = true;
  menu.querySelector("select").focus();
}

const keys = {
  j: () => move(1),
  k: () => move(-1),
  r: review,
  n: () => document.querySelector("[data-note]")?.focus(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

// A menu that asks something closes on Escape, as menus do.
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest(".act-menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// The tray stands there once something is ticked, and says how much.
const tray = document.querySelector("[data-tray]");
if (tray) {
  const boxes = [...document.querySelectorAll('input[form="tray"][name="ids"]')];
  const show = () => {
    const count = boxes.filter((box) => box.checked).length;
    tray.hidden = count === 0;
    tray.querySelector("[data-count]").textContent = `${count} selected`;
  };
  document.addEventListener("change", show);
  window.addEventListener("pageshow", show);
  show();
}
