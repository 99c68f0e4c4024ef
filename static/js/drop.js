// Files that are dropped anywhere on the page: its [data-drop] gets them as the event "files".
for (const area of document.querySelectorAll("[data-drop]")) {
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");

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
    area.dispatchEvent(new CustomEvent("files", { detail: event.dataTransfer.files }));
  });
  area.querySelector("[data-invitation]").hidden = !matchMedia("(hover: hover)").matches;
}
