// Drives the real @trpc/client by commands: prints {"port": N}, then takes TCP connections on loopback. Each carries one
// JSON object a line in and one a line out; what a connection began ends with it. Ends when standard input closes.
//
//   {"id": 1, "url": ..., "link": "http"|"batch"|"stream", "headers": {...}, "calls": [["lessons.getAll", {...}]]}
//       all calls are made in one tick, so that a batching link sends one request
//       -> {"id": 1, "event": "result", "call": 0, "data": <superjson>} or {"event": "error", "call": 0, "error": {...}},
//          each as it settles, then {"id": 1, "event": "settled"}
//   {"id": 2, "url": ..., "link": "subscribe", "headers": {...}, "calls": [["chat.stream", {...}]]}
//       -> {"id": 2, "event": "started" | "data" | "state" | "error" | "complete", ...}
//   {"id": 2, "link": "stop"}
//       unsubscribes, or aborts the calls
//
// Inputs and results are superjson values, so dates and sets survive on both sides.
import net from "node:net";
import { createInterface } from "node:readline";
import {
  createTRPCClient,
  httpBatchLink,
  httpBatchStreamLink,
  httpLink,
  httpSubscriptionLink,
  TRPCClientError,
} from "@trpc/client";
import { EventSource } from "eventsource";
import superjson from "superjson";
import { appRouter } from "./tutor.mjs";

const procedures = Object.entries(appRouter._def.procedures);
const MUTATIONS = new Set(procedures.filter(([, { _def }]) => _def.type === "mutation").map(([name]) => name));

function describe(error) {
  if (!(error instanceof TRPCClientError)) return { kind: error?.name ?? "unknown", message: String(error?.message ?? error) };
  return {
    kind: "TRPCClientError",
    message: error.message,
    code: error.data?.code ?? null,
    httpStatus: error.data?.httpStatus ?? null,
    rpcCode: error.shape?.code ?? null,
    data: error.data ?? null,
    status: error.meta?.response?.status ?? null, // of the HTTP answer itself
    cause: error.cause ? `${error.cause.name}: ${error.cause.message}` : null,
  };
}

// Connections of its own for each command, so that none is left, or opened again, when the command is over. The class
// is the one behind Node's fetch, which Node does not export; the symbol is how undici shares it (undici lib/global.js).
await fetch("data:,");
const Agent = globalThis[Symbol.for("undici.globalDispatcher.1")].constructor;

function link({ link: kind, url, headers = {}, maxItems, maxURLLength }, dispatcher) {
  const common = { url, transformer: superjson, headers, fetch: (target, init) => fetch(target, { ...init, dispatcher }) };
  if (kind === "http") return httpLink(common);
  if (kind === "batch") return httpBatchLink({ ...common, maxItems, maxURLLength });
  if (kind === "stream") return httpBatchStreamLink({ ...common, maxItems, maxURLLength });
  if (kind === "subscribe") {
    return httpSubscriptionLink({
      url,
      transformer: superjson,
      EventSource,
      eventSourceOptions: () => ({
        fetch: (target, init) => common.fetch(target, { ...init, headers: { ...init.headers, ...headers } }),
      }),
    });
  }
  throw new Error(`no link named ${kind}`);
}

function procedure(client, path) {
  return path.split(".").reduce((node, part) => node[part], client);
}

async function call(command, say, running) {
  const agent = new Agent();
  const client = createTRPCClient({ links: [link(command, agent)] });
  const abort = new AbortController();
  running.set(command.id, () => abort.abort());
  await Promise.all(
    command.calls.map(async ([path, input], index) => {
      const verb = MUTATIONS.has(path) ? "mutate" : "query";
      const value = input === null || input === undefined ? undefined : superjson.deserialize(input);
      try {
        const data = await procedure(client, path)[verb](value, { signal: abort.signal });
        say("result", { call: index, data: superjson.serialize(data) });
      } catch (error) {
        say("error", { call: index, error: describe(error) });
      }
    }),
  );
  running.delete(command.id);
  await agent.destroy();
  say("settled");
}

function subscribe(command, say, running) {
  const agent = new Agent();
  const client = createTRPCClient({ links: [link(command, agent)] });
  const [[path, input]] = command.calls;
  const subscription = procedure(client, path).subscribe(superjson.deserialize(input), {
    onStarted: () => say("started"),
    onConnectionStateChange: ({ state, error }) => say("state", { state, error: error ? describe(error) : null }),
    onData: ({ id, data }) => say("data", { eventId: id, data }),
    onError: (error) => say("error", { error: describe(error) }),
    onComplete: () => say("complete"),
  });
  running.set(command.id, () => {
    subscription.unsubscribe();
    void agent.destroy();
  });
}

const server = net.createServer(async (socket) => {
  const running = new Map(); // id -> how to stop it
  socket.on("error", () => {}); // a test that has ended reads no more
  // Its reset comes out of the loop as well, and would end this process, which the tests after it still need.
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  while (true) {
    const { value: line, done } = await lines.next().catch((error) => {
      if (error.code !== "ECONNRESET") throw error;
      return { done: true };
    });
    if (done) break;
    const command = JSON.parse(line);
    const say = (event, more = {}) => {
      if (socket.writable) socket.write(`${JSON.stringify({ id: command.id, event, ...more })}\n`);
    };
    if (command.link === "stop") running.get(command.id)?.();
    else if (command.link === "subscribe") subscribe(command, say, running);
    else void call(command, say, running);
  }
  for (const stop of running.values()) stop();
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.on("end", () => process.exit(0)).resume();
