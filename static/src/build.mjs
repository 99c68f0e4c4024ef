// Puts the third-party files that the pages load into static/vendor/, which is not committed.
// The versions are those of package-lock.json; nothing is fetched here.
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../", import.meta.url));
const modules = join(root, "node_modules");
const vendor = join(root, "static", "vendor");

const files = [
  "bootstrap/dist/css/bootstrap.min.css",
  "bootstrap/dist/css/bootstrap.min.css.map", // named by the sheet, so collectstatic asks for it
  "htmx.org/dist/htmx.min.js",
  "@fontsource-variable/geist/files/geist-latin-wght-normal.woff2",
  "@fontsource-variable/geist/files/geist-latin-ext-wght-normal.woff2",
];

// Every icon of the product. A template that names another one stops the build.
const icons = [
  "arrow-counterclockwise", "arrow-down", "arrow-left-right", "arrow-repeat", "arrow-up",
  "arrow-up-right", "bell", "bookmark", "calendar3", "chat-left-text", "check-circle-fill", "check2",
  "chevron-down", "chevron-left", "chevron-right", "circle", "clock", "columns-gap", "download",
  "envelope", "exclamation-circle", "exclamation-triangle", "info-circle", "pencil", "search",
  "shield-check", "slash-circle", "trash", "upload", "x", "x-circle-fill",
];

async function symbol(name) {
  const svg = await readFile(join(modules, "bootstrap-icons/icons", `${name}.svg`), "utf8");
  const [, viewBox, shapes] = svg.match(/viewBox="([^"]+)"[^>]*>([\s\S]*)<\/svg>/);
  return `<symbol id="${name}" viewBox="${viewBox}">${shapes.replace(/\s*\n\s*/g, "")}</symbol>`;
}

async function refuseUnknownIcons() {
  const named = /_components\/icon\.html" with name="([^"]+)"/g;
  for (const path of await readdir(join(root, "templates"), { recursive: true })) {
    if (!path.endsWith(".html")) continue;
    const text = await readFile(join(root, "templates", path), "utf8");
    for (const [, name] of text.matchAll(named)) {
      if (!icons.includes(name)) throw new Error(`templates/${path} names the icon "${name}": add it to static/src/build.mjs`);
    }
  }
}

await refuseUnknownIcons();
await rm(vendor, { recursive: true, force: true });
await mkdir(vendor, { recursive: true });
await Promise.all(files.map((file) => copyFile(join(modules, file), join(vendor, basename(file)))));
const symbols = await Promise.all(icons.map(symbol));
await writeFile(join(vendor, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`);

// Chart.js, the parts that our charts use: half of it stays behind.
await build({
  entryPoints: [join(root, "static/src/chart.slim.js")],
  outfile: join(vendor, "chart.slim.js"),
  bundle: true,
  minify: true,
  target: "es2022",
  legalComments: "none",
  logLevel: "warning",
});
