// The form of a model. Without scripts it works by submits alone.
//
// - A select with many choices gets a filter field above it.
// - The answer beside the form looks old as soon as the form holds other values.
// - A field is checked when it is left: the server's own check, by htmx (executions/_check.html).
// - The form is sent by htmx, and its answer takes the place of the one beside it.
// - A correction and the example's values are typed into the fields in place.
const MANY = 30;
const NAMED = 3;

const form = document.querySelector("#predict");

for (const select of form.querySelectorAll("select")) {
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

// --- The values in the fields

const otherOf = (name) => form.elements[`${name}-other`];

function held(name) {
  const text = form.elements[name].value;
  const other = otherOf(name);
  return other && text === other.name ? other.value : text;
}

// Type a value into a field; false if the field cannot hold it.
function put(name, text) {
  const control = form.elements[name];
  const other = otherOf(name);
  if (control instanceof RadioNodeList) {
    for (const radio of control) radio.checked = radio.value === text;
    const isOther = other && text !== "" && control.value !== text;
    if (isOther) control.value = other.name;
    if (other) other.value = isOther ? text : "";
  } else {
    control.value = text;
  }
  return held(name) === text;
}

function tell(name, event) {
  const control = form.elements[name];
  const one = control instanceof RadioNodeList ? control[0] : control;
  one.dispatchEvent(new Event(event, { bubbles: true }));
  return one;
}

// --- The answer beside the form

let pane = document.querySelector(".pane-result");
let made = JSON.parse(pane?.dataset.madeWith || "null");
const said = document.querySelector("#said");

function isSame(name, text) {
  const [now, then] = [held(name).trim(), text.replaceAll("\r\n", "\n").trim()];
  if (now === then) return true;
  const isNumber = form.elements[name].inputMode === "decimal" && now !== "" && then !== "";
  return isNumber && Number(now) === Number(then);
}

function sentence(labels) {
  const named = labels.slice(0, NAMED).filter(Boolean).join(", ");
  const more = labels.length > NAMED ? ` and ${labels.length - NAMED} more` : "";
  return named ? `Made with other values: ${named}${more}` : "Made with other values";
}

function compare() {
  const isExample = pane.classList.contains("sample");
  const others = Object.entries(made)
    .filter(([name, [text]]) => !isSame(name, text) && !(isExample && held(name).trim() === ""))
    .map(([, [, label]]) => label);
  const wasStale = pane.classList.contains("stale");
  pane.classList.toggle("stale", others.length > 0);
  const line = pane.querySelector("[data-standing]");
  const text = others.length ? sentence(others) : line?.dataset.standing;
  if (line && line.textContent !== text) line.textContent = text;
  if (others.length && !wasStale) said.textContent = "The answer was made with other values.";
}

function fill(event) {
  const link = event.target.closest("[data-fill]");
  if (!link) return;
  const names = Object.keys(made).filter((name) => !isSame(name, made[name][0]));
  if (!names.every((name) => put(name, made[name][0]))) return; // the link loads them
  event.preventDefault();
  for (const name of names) tell(name, "change");
  compare();
}

if (made && pane) {
  form.addEventListener("input", compare);
  form.addEventListener("change", compare);
  document.addEventListener("click", fill);
  window.addEventListener("pageshow", compare); // Back brings typed values
  document.body.addEventListener("htmx:afterSettle", compare);
  compare();
}

// --- The presets: a result's own values are named in the menu of the form that holds them

const presets = document.querySelector("#presets");

document.addEventListener("click", (event) => {
  if (presets && !presets.contains(event.target)) presets.open = false;
  const link = event.target.closest(".pane-result a[href*='/presets/of/']");
  if (!link || !presets || pane.classList.contains("stale")) return; // its page has its values
  event.preventDefault();
  presets.open = true;
  presets.querySelector("#preset-name").focus();
});
// Saved, refused or replaced: the menu is new, and its button with the focus may be gone.
presets?.addEventListener("htmx:afterSwap", () => {
  if (!presets.contains(document.activeElement)) presets.querySelector("#preset-name").focus();
});
presets?.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  presets.open = false;
  presets.querySelector("summary").focus();
});

// --- The check of a field that is left

const check = document.querySelector("#check");
let left = new Set(); // the fields whose check has not been asked for
let asked = new Set();

// What the fields' lines say, as their state.
function mark() {
  for (const line of form.querySelectorAll(".field-line")) {
    const field = line.closest(".field");
    const isBad = line.querySelector(".error") !== null;
    field.classList.toggle("bad", isBad);
    for (const control of field.querySelectorAll("input:not([type=radio]), select, textarea")) {
      if (control.type === "search") continue;
      if (isBad) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    }
  }
}

if (check) {
  form.addEventListener("change", ({ target }) => {
    if (target.form === form && target.name) left.add(target.name.replace(/-other$/, ""));
  });
  check.addEventListener("htmx:configRequest", (event) => {
    if (left.size === 0) return event.preventDefault();
    event.detail.parameters.left = [...left];
    [asked, left] = [left, new Set()];
  });
  check.addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.successful) left = new Set([...asked, ...left]); // for the next check
  });
  document.body.addEventListener("htmx:afterSettle", mark);
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=fix]");
    if (!button) return;
    const [name, ...value] = button.value.split("=");
    if (!put(name, value.join("="))) return; // the server types it
    event.preventDefault();
    tell(name, "input");
    tell(name, "change").focus();
  });
}

// --- The answer to the form (executions/_pane.html) becomes what the page shows, with its address.
// Whatever else comes back, or nothing, is left to the browser: its own submit brings a page.

let shown = location.pathname + location.search;

const isFor = ({ requestConfig }) => requestConfig.elt === form;
const isAnswer = ({ xhr, pathInfo }) => xhr.status === 200 && pathInfo.responsePath === pathInfo.requestPath;

function show() {
  pane = document.querySelector(".pane-result");
  made = JSON.parse(pane.dataset.madeWith);
  for (const link of document.querySelectorAll("[data-after]")) {
    const address = new URL(link.href);
    address.searchParams.set("after", form.elements.after.value);
    link.href = address;
    delete link.dataset.fill;
  }
  pane.closest(".panes").classList.add("answered");
  history.pushState(null, "", pane.dataset.address);
  shown = location.pathname + location.search;
  const { top } = pane.getBoundingClientRect();
  const isOut = top < 0 || top > window.innerHeight / 2;
  // On a phone the form stays unfolded while it is the target.
  if (isOut || document.querySelector("#predict:target, #predict :target")) location.replace("#result");
}

form.addEventListener(
  "submit",
  (event) => {
    const chosen = event.submitter;
    // The answer is a page: what the form corrects itself, and a preset that is loaded into it.
    if (chosen?.name === "fix" || chosen?.hasAttribute("formaction")) event.stopImmediatePropagation();
    else if (!form.querySelector(".error, .notice-line")) left = new Set(); // checked by the submit
  },
  true,
);
document.body.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (isFor(detail) && !isAnswer(detail)) detail.shouldSwap = false;
});
form.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (!isFor(detail)) return;
  if (isAnswer(detail)) show();
  else HTMLFormElement.prototype.submit.call(form); // an input may be called "submit"
});
window.addEventListener("popstate", () => {
  if (location.pathname + location.search !== shown) location.reload();
});

// --- "Use this value" beneath a what-if curve types the value into the form beside it. Without
// scripts, or where the form has no such field, it opens the form with the value filled in.
document.addEventListener("submit", (event) => {
  const field = event.target.dataset?.use;
  const chosen = event.target.elements?.point?.selectedOptions[0];
  if (!field || !chosen || !form.elements[field] || !put(field, chosen.dataset.typed)) return;
  event.preventDefault();
  tell(field, "input");
  const control = tell(field, "change");
  if (!form.checkVisibility({ visibilityProperty: true })) location.hash = "predict"; // folded, as on a phone
  control.closest("details:not([open])")?.setAttribute("open", "");
  control.focus();
});
