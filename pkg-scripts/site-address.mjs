// node pkg-scripts/site-address.mjs <site> <address>: writes into <site>/index.html where the site will be. Others show a link to it with a
// picture only where the picture's address is whole.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [site, given] = process.argv.slice(2);
if (!site || !URL.canParse(given) || !/^https?:/.test(given)) {
  console.error("site-address: say which folder and where it will be: node pkg-scripts/site-address.mjs build/site https://example.org/demo/");
  process.exit(2);
}
const address = given.endsWith("/") ? given : `${given}/`;
const path = join(site, "index.html");
const html = readFileSync(path, "utf8");
const picture = /<meta property="og:image" content="([^"]+)">/;
if (!picture.test(html)) throw new Error(`site-address: ${path} has no og:image`);
const whole = html
  .replace(/<link rel="canonical"[^>]*>\n|<meta property="og:url"[^>]*>\n/g, "")
  .replace(picture, (_, image) => `<link rel="canonical" href="${address}">\n<meta property="og:url" content="${address}">\n<meta property="og:image" content="${new URL(image, address)}">`);
writeFileSync(path, whole);
