// Fetches what it is asked for on standard input, as a browser spells it, and prints what it sent and the status.
import { readFileSync } from "node:fs";

const { base, addresses, parameters } = JSON.parse(readFileSync(0, "utf8"));
const urls = addresses.map((address) => new URL(base + address));
for (const text of parameters) {
  const url = new URL(base + "/open/form");
  url.searchParams.append(text, text);
  const encoded = encodeURIComponent(new TextDecoder().decode(new TextEncoder().encode(text))); // without halves of pairs
  urls.push(url, new URL(`${base}/open/${encoded}x?q=${encoded}`));
}
const found = [];
for (const url of urls) {
  const response = await fetch(url, { redirect: "manual" });
  await response.arrayBuffer();
  found.push([url.pathname + url.search, response.status]);
}
console.log(JSON.stringify(found));
