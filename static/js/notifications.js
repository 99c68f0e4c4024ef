// The bell of an open page asks for news every two seconds while somebody can see the page, and says
// what is new. Without scripts the bell is right whenever a page loads.
const EVERY_MS = 2000;
const SLOWEST_MS = 60000;
const MOST_LINES = 3;

const bell = document.querySelector("[data-bell]");
const region = document.querySelector("[data-news]");
let timer;
let isAsking = false;
let failures = 0;

async function ask() {
  if (isAsking) return;
  isAsking = true;
  try {
    const question = `${bell.dataset.bell}?state=${encodeURIComponent(bell.dataset.state)}`;
    const answer = await fetch(question, { redirect: "manual" });
    if (answer.type === "opaqueredirect") return; // signed out meanwhile
    failures = answer.ok ? 0 : failures + 1;
    if (answer.status === 200) tell(await answer.text());
  } catch {
    failures += 1; // the site is away: ask less often until it is back
  } finally {
    isAsking = false;
  }
  plan();
}

function plan() {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(ask, Math.min(EVERY_MS * 2 ** failures, SLOWEST_MS));
}

function tell(html) {
  const news = new DOMParser().parseFromString(html, "text/html");
  const now = news.querySelector("[data-bell]");
  bell.replaceChildren(...now.childNodes); // the link itself stays, so focus does
  bell.dataset.state = now.dataset.state;
  bell.setAttribute("aria-label", now.getAttribute("aria-label"));
  region.prepend(...news.querySelectorAll(".note"));
  while (region.children.length > MOST_LINES) region.lastElementChild.remove();
}

function post(address, body = new FormData()) {
  body.set("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
  // HX-Request asks for no page in return; keepalive outlives the page that a link leaves.
  return fetch(address, { method: "POST", body, headers: { "HX-Request": "true" }, keepalive: true });
}

function opened(event) {
  const link = event.target.closest("a[data-read]");
  if (link && event.button < 2) post(link.dataset.read);
  event.target.closest("[data-close]")?.closest(".note").remove();
}

document.addEventListener("click", opened);
document.addEventListener("auxclick", opened);
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-dismiss]");
  if (!form) return;
  event.preventDefault(); // a reload would lose what was typed into the form below
  const answer = await post(form.action, new FormData(form)).catch(() => null);
  if (!answer?.ok) return;
  form.closest(".note").remove();
});

// On a phone the bar's links are a row that scrolls: begin where the current page's is seen.
document.querySelector(".mainnav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });

if (bell && region) {
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : ask()));
  plan();
}
