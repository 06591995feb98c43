// What the real superjson makes of texts: takes one JSON string a line, the text of a request's content, and prints one JSON
// value a line. null: it throws. Else {"value": ..., "email": ...}: the input, and its member "email" as a procedure
// reads it, through the prototype too. "careless" is the same member after a copy by assignment, which is how copy-anything 3
// copies, the one under superjson 2.2.2. What JSON does not have is {"other": true}, and undefined is left out. "dates" is the
// input with {"date": true} for each Date.
import { createInterface } from "node:readline";
import superjson from "superjson";

function shown(value, dated = false) {
  if (value === undefined) return null;
  if (dated && value instanceof Date) return { date: true };
  if (typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value))) return { other: true };
  if (Array.isArray(value)) return value.map((item) => shown(item, dated));
  if (value === null || typeof value !== "object") return value;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null && Object.prototype.toString.call(value) !== "[object Object]") {
    return { other: true };
  }
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([name, member]) => [name, shown(member, dated)]));
}

function copied(value) {
  if (Array.isArray(value)) return value.map(copied);
  if (value === null || typeof value !== "object") return value;
  const copy = {};
  for (const name of Object.keys(value)) copy[name] = copied(value[name]);
  return copy;
}

for await (const line of createInterface({ input: process.stdin })) {
  let found = null;
  try {
    const payload = JSON.parse(JSON.parse(line));
    const value = superjson.deserialize(payload);
    found = { value: shown(value), email: shown(value?.email), careless: shown(copied(payload.json)?.email), dates: shown(value, true) };
  } catch {
    // it has no reading there either
  }
  console.log(JSON.stringify(found));
}
