// A click anywhere in a row opens what its one link opens, in a new tab as on a link. Its text can
// be selected, and what has a use of its own keeps it. Without scripts the link covers the row.
const OWN_USE = "a, button, input, label, select, summary, .c-tick";

function linkAt({ target }) {
  if (target.closest(OWN_USE)) return null;
  return target.closest("[data-opens]")?.querySelector("a.main");
}

document.addEventListener("click", (event) => {
  const link = linkAt(event);
  if (link && !event.defaultPrevented && getSelection().isCollapsed) {
    link.dispatchEvent(new MouseEvent("click", event));
  }
});
document.addEventListener("mousedown", (event) => {
  if (event.button === 1 && linkAt(event)) event.preventDefault(); // no scrolling by the middle button
});
document.addEventListener("auxclick", (event) => {
  const link = event.button === 1 && linkAt(event);
  const tab = { bubbles: true, cancelable: true, ctrlKey: true, metaKey: true };
  if (link) link.dispatchEvent(new MouseEvent("click", tab));
});
