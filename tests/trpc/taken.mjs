// Whether zod takes values: the router of the module named as argument, one JSON object {"procedure": ..., "input": <superjson>}
// a line, and one line of true or false for it.
import { createInterface } from "node:readline";
import superjson from "superjson";

const { appRouter } = await import(new URL(process.argv[2], import.meta.url));
for (const part of Object.values(appRouter._def.lazy)) await part.load();
for await (const line of createInterface({ input: process.stdin })) {
  const { procedure, input } = JSON.parse(line);
  const value = input === null ? undefined : superjson.deserialize(input);
  const found = await Promise.all(appRouter._def.procedures[procedure]._def.inputs.map((schema) => schema.safeParseAsync(value)));
  console.log(found.every(({ success }) => success));
}
