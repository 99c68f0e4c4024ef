// A select with many choices gets a filter field above it. Without scripts it stays a plain select.
const MANY = 30;

for (const select of document.querySelectorAll("#predict select")) {
  const all = [...select.options];
  if (all.length <= MANY) continue;
  const filter = document.createElement("input");
  filter.type = "search";
  filter.className = "form-control form-control-sm";
  filter.autocomplete = "off";
  filter.placeholder = `Filter ${all.length} choices`;
  filter.setAttribute("aria-label", `Filter the choices of ${select.labels[0].textContent.trim()}`);
  filter.addEventListener("input", () => {
    const typed = filter.value.trim().toLowerCase();
    const chosen = select.value;
    select.replaceChildren(
      ...all.filter((option) => option.value === chosen || option.text.toLowerCase().includes(typed)),
    );
    select.value = chosen; // filtering never changes the answer
  });
  filter.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault(); // Enter here must not run the model
  });
  (select.closest(".input-group") ?? select).before(filter);
}
