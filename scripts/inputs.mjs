#!/usr/bin/env node
// Writes policies/inputs/NAME.json, the JSON Schema of what each procedure takes, from the zod 4 definitions of a live tRPC
// router, with the zod of the router's own project and nothing else.
//
//   node scripts/inputs.mjs PATH/TO/router.mjs --out policies/inputs
//
//   --export NAME     the export that is the router (the only one by default, or `appRouter`)
//   --alias A=B       A is another name of the procedure B; may be repeated. What is one procedure under two names in the router
//                     is known without it: the first name is its own.
//   --check           writes nothing and says what is not up to date
//
// A file that this has written carries a mark. One without the mark is yours and stays as it is; one with the mark whose
// procedure is gone is removed. Exits with 0 when the files are up to date now, 1 when --check says that they are not, and 2
// when the router cannot be read.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Converter } from "./inputs/schema.mjs";

const USAGE = "usage: node scripts/inputs.mjs ROUTER [--export NAME] [--alias A=B]... --out FOLDER [--check]";
const MARK = "Written by scripts/inputs.mjs from the backend's router. Without this line the file is yours and stays as it is.";

class Unusable extends Error {}

function options() {
  const string = { type: "string" };
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { export: string, out: string, alias: { ...string, multiple: true }, check: { type: "boolean" } },
    });
    if (positionals.length !== 1 || !values.out) throw new Error("one ROUTER and --out are needed");
    const aliases = (values.alias ?? []).map((pair) => pair.split("="));
    if (aliases.some(([a, b, ...more]) => !a || !b || a === b || more.length)) throw new Error("--alias is written A=B");
    if (existsSync(values.out) && !statSync(values.out).isDirectory()) throw new Error(`${values.out} is no folder`);
    return { ...values, router: resolve(positionals[0]), aliases: new Map(aliases) };
  } catch (error) {
    throw new Unusable(`${error.message}\n${USAGE}`);
  }
}

const isRouter = (value) => Boolean(value?._def?.procedures && value._def.router);

async function routerOf({ router, export: name }) {
  let module;
  try {
    module = await import(pathToFileURL(router).href);
  } catch (error) {
    const hint =
      error?.code === "ERR_UNKNOWN_FILE_EXTENSION"
        ? "\nNode does not read this kind of file: name the compiled router, or run this with `node --import tsx`"
        : "";
    throw new Unusable(`${router}: cannot be imported: ${error?.message ?? error}${hint}`);
  }
  // Of CommonJS Node finds the exports that are assigned by name; `default` has all.
  if (!isRouter(module.default)) module = { ...module.default, ...module };
  const found = Object.keys(module).filter((key) => isRouter(module[key]));
  const wanted = name ?? (found.includes("appRouter") ? "appRouter" : found[0]);
  const several = new Set(found.map((key) => module[key])).size > 1; // not one under two names
  if (!found.includes(wanted) || (!name && several && wanted !== "appRouter")) {
    const those = found.length ? `its routers are ${found.join(", ")}: name one with --export` : "it exports no tRPC router";
    throw new Unusable(`${router}: ${name ? `no router named ${name}; ` : ""}${those}`);
  }
  return module[wanted];
}

/** The zod 4 that the router's own project has. */
async function zodOf({ router }) {
  if (!existsSync(router)) throw new Unusable(`${router}: there is no such file`);
  const require = createRequire(router);
  for (const name of ["zod", "zod/v4"]) {
    let path;
    try {
      path = require.resolve(name);
    } catch {
      continue;
    }
    const module = await import(pathToFileURL(path).href);
    const z = module.toJSONSchema ? module : (module.default ?? module);
    if (z.toJSONSchema) return z;
  }
  throw new Unusable(`${router}: its project has no zod 4, from which the schemas could be written`);
}

/** Name -> procedure, aliases left out. */
async function proceduresOf(router, aliases) {
  // A part that is loaded when it is needed may have such parts itself.
  while (Object.keys(router._def.lazy ?? {}).length) {
    for (const part of Object.values(router._def.lazy)) await part.load();
  }
  const all = router._def.procedures;
  for (const [alias, name] of aliases) {
    if (!all[name]) throw new Unusable(`--alias ${alias}=${name}: the router has no procedure ${name}`);
  }
  const own = new Map();
  const names = new Map(); // procedure -> its first name
  for (const [name, procedure] of Object.entries(all)) {
    if (!/^[\w$-]+(\.[\w$-]+)*$/.test(name)) throw new Unusable(`${name}: a file cannot have the name of this procedure`);
    if (aliases.has(name)) continue;
    if (names.has(procedure)) console.log(`${name}: the same as ${names.get(procedure)}`);
    else own.set(name, procedure);
    if (!names.has(procedure)) names.set(procedure, name);
  }
  return own;
}

function textsOf(procedures, z) {
  const converter = new Converter(z);
  const texts = new Map();
  const unknown = new Set(); // the names of procedures whose input is no zod
  for (const [name, { _def: def }] of procedures) {
    const inputs = def.inputs ?? [];
    if (!inputs.every((input) => input?._zod)) {
      unknown.add(name);
      continue;
    }
    const { schema, notes } = converter.procedure(inputs, { subscription: def.type === "subscription" || def.subscription });
    for (const [place, sentence] of notes) console.log(`${name}  ${place}: left to the backend: ${sentence}`);
    const { $schema, $comment, ...rest } = schema;
    const comment = $comment ? `${MARK} ${$comment}` : MARK;
    texts.set(name, `${JSON.stringify({ $schema, $comment: comment, ...rest }, null, 2)}\n`);
  }
  return { texts, unknown };
}

function isOurs(path) {
  return readFileSync(path, "utf8").includes(MARK);
}

function write({ out, check }, texts, unknown) {
  if (!check) mkdirSync(out, { recursive: true });
  const done = { written: 0, same: 0, yours: 0, removed: 0 };
  const missing = [];
  for (const [name, text] of texts) {
    const path = join(out, `${name}.json`);
    const before = existsSync(path) ? readFileSync(path, "utf8") : null;
    if (before === text) done.same += 1;
    else if (before !== null && !isOurs(path)) {
      done.yours += 1;
      console.log(`${path}: yours, left as it is`);
    } else {
      done.written += 1;
      console.log(`${path}: ${check ? "not up to date" : "written"}`);
      if (!check) writeFileSync(path, text);
    }
  }
  for (const name of unknown) {
    const path = join(out, `${name}.json`);
    if (existsSync(path) && !isOurs(path)) done.yours += 1;
    else missing.push(`${name}: its input is no schema of zod 4: write ${path} by hand`);
  }
  const kept = new Set([...texts.keys(), ...unknown].map((name) => `${name}.json`));
  for (const file of existsSync(out) ? readdirSync(out).sort() : []) {
    const path = join(out, file);
    if (!file.endsWith(".json") || kept.has(file) || !isOurs(path)) continue;
    done.removed += 1;
    console.log(`${path}: ${check ? "its procedure is gone" : "removed, its procedure is gone"}`);
    if (!check) rmSync(path);
  }
  if (missing.length) throw new Unusable(missing.join("\n"));
  const verb = check ? "to be " : "";
  console.log(
    `${texts.size} procedures: ${done.written} ${verb}written, ${done.same} up to date, ${done.yours} yours, ${done.removed} ${verb}removed`,
  );
  return check && (done.written || done.removed) ? 1 : 0;
}

async function main() {
  const given = options();
  const z = await zodOf(given);
  const procedures = await proceduresOf(await routerOf(given), given.aliases);
  const { texts, unknown } = textsOf(procedures, z);
  return write(given, texts, unknown);
}

// A refinement that waits is asked only whether it takes nothing; what becomes of its promise does not matter here.
process.on("unhandledRejection", () => {});
try {
  process.exit(await main()); // a router may have opened connections, which would keep this alive
} catch (error) {
  if (!(error instanceof Unusable)) throw error;
  console.error(error.message);
  process.exit(2);
}
