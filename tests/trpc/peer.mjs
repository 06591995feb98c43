// What the backend's own parsers make of requests: llhttp, URL, @trpc/server, JSON.parse with superjson, undici's formData.
//
// Standard input: the first line is {"procedures": {name: "query" | "mutation"}}, each other line the base64 of one whole
// request as a gateway sends it. Standard output, one line each:
//   {"method", "pathname", "search", "trpc": null | {"batch", "calls": [[path, input]], "ran": [[path, input]], "statuses"},
//    "json": input, "parts": null | [[name, text] | [name, filename, type, base64]], "error": ""}
// or {"error": "..."} for what it does not read as one request. A value is written as [kind, ...]: see `shown`.
import http from "node:http";
import { Duplex } from "node:stream";
import { createInterface } from "node:readline";
import { initTRPC } from "@trpc/server";
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import superjson from "superjson";

const ENDPOINT = "/api/trpc";

function shown(value) {
  if (value === undefined) return ["undefined"];
  if (value instanceof Date) return ["date", Number.isNaN(value.valueOf()) ? null : value.toISOString()];
  if (Array.isArray(value)) return ["list", ...Array.from(value, shown)];
  if (typeof value === "number" && !Number.isFinite(value)) return ["other", String(value)];
  if (value === null || ["string", "number", "boolean"].includes(typeof value)) return ["value", value];
  if (typeof value !== "object") return ["other", typeof value];
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return ["other", Object.prototype.toString.call(value)];
  return ["object", ...Object.getOwnPropertyNames(value).map((name) => [name, shown(value[name])])];
}

function routerOf(procedures) {
  const t = initTRPC.context().create({ transformer: superjson, isDev: false });
  const echo = t.procedure.input((input) => input);
  const note = ({ ctx, path, input }) => void ctx.ran.push([path, shown(input)]);
  const record = {};
  for (const [name, kind] of Object.entries(procedures)) {
    const parts = name.split(".");
    let at = record;
    for (const part of parts.slice(0, -1)) at = at[part] ??= {};
    at[parts.at(-1)] = kind === "query" ? echo.query(note) : echo.mutation(note);
  }
  return t.router(record);
}

async function byTrpc(router, request) {
  const found = { batch: false, calls: [], ran: [], status: 0, statuses: [] };
  const response = await fetchRequestHandler({
    endpoint: ENDPOINT,
    req: request,
    router,
    createContext: async ({ info }) => {
      found.batch = info.isBatchCall;
      for (const call of info.calls) found.calls.push([call.path, shown(await call.getRawInput())]);
      return found;
    },
  });
  found.status = response.status;
  await response.text();
  return found;
}

async function parts(request) {
  const form = await request.formData();
  const list = [];
  for (const [name, value] of form.entries()) {
    if (typeof value === "string") list.push([name, value]);
    else list.push([name, value.name, value.type, Buffer.from(await value.arrayBuffer()).toString("base64")]);
  }
  return list;
}

async function reading(router, req) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const headers = new Headers();
  for (let at = 0; at < req.rawHeaders.length; at += 2) headers.append(req.rawHeaders[at], req.rawHeaders[at + 1]);
  const url = new URL(req.url.startsWith("/") ? `http://${req.headers.host}${req.url}` : req.url);
  const body = req.method === "GET" || req.method === "HEAD" ? undefined : Buffer.concat(chunks);
  const request = () => new Request(url, { method: req.method, headers, body });
  const found = { method: req.method, pathname: url.pathname, search: url.search, trpc: null, json: null, parts: null, error: "" };
  try {
    const type = headers.get("content-type") ?? "";
    if (url.pathname.startsWith(`${ENDPOINT}/`)) found.trpc = await byTrpc(router, request());
    else if (body?.length && /multipart/i.test(type)) found.parts = await parts(request());
    else if (body?.length && /json/i.test(type)) found.json = shown(JSON.parse(await request().text()));
  } catch (error) {
    found.error = String(error);
  }
  return found;
}

// One end of a connection that has no socket: what is pushed arrives, what is written is dropped.
class Wire extends Duplex {
  _read() {}
  _write(chunk, encoding, done) {
    done();
  }
  setTimeout() {}
  setNoDelay() {}
  setKeepAlive() {}
}

function read(router, raw) {
  return new Promise((resolve) => {
    const all = [];
    let broken = null;
    const server = http.createServer((req, res) => {
      all.push(reading(router, req));
      res.end();
    });
    server.on("clientError", (error, socket) => {
      broken = error;
      socket.destroy();
    });
    const wire = new Wire();
    wire.on("close", async () => {
      if (broken || all.length !== 1) resolve({ error: broken ? String(broken) : `${all.length} requests` });
      else resolve(await all[0].catch((error) => ({ error: String(error) })));
    });
    server.emit("connection", wire);
    wire.push(raw);
    wire.push(null);
  });
}

let router = null;
for await (const line of createInterface({ input: process.stdin })) {
  if (router === null) router = routerOf(JSON.parse(line).procedures);
  else console.log(JSON.stringify(await read(router, Buffer.from(line, "base64"))));
}
