// The promotion page: the button is off until every line of the checklist is done. The server
// checks each of them again.
const form = document.getElementById("promotion");
if (form) {
  const text = form.querySelector("textarea");
  const ticks = form.querySelectorAll(".check input[type=checkbox]");
  const button = form.querySelector("button.go");
  const why = form.querySelector("#why");
  const count = form.querySelector("[data-count]");

  const look = () => {
    const length = text.value.trim().length;
    const isWritten = length >= 10 && length <= 2000;
    const unticked = [...ticks].filter((tick) => !tick.checked).length;
    const open = Number(form.dataset.open) + unticked + (isWritten ? 0 : 1);
    for (const mark of form.querySelectorAll("[data-written]")) {
      mark.hidden = (mark.dataset.written === "yes") !== isWritten;
    }
    count.hidden = isWritten;
    count.textContent = `; you have ${length}`;
    button.disabled = open > 0;
    why.textContent = open === 0 ? "" : open === 1 ? "One line above is still open." : `${open} lines above are still open.`;
  };

  form.addEventListener("input", look);
  look();
}
