// Prints what work.mjs gives here, as JSON. In an app with the package installed, by Node, Bun or Deno.
import * as nanolm from "nanolm";
import { work } from "./work.mjs";

const [text, options] = JSON.parse(process.argv[2]);
console.log(JSON.stringify(await work(nanolm, text, options)));
