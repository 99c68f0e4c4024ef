// Sign-up keeps the browser's timezone. Without scripts the site's default holds.
for (const field of document.querySelectorAll("input[name=timezone][type=hidden]")) {
  field.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
}
