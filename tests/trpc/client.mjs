// Drives the real @trpc/client by commands: one JSON object a line on standard input, one JSON object a line out.
//
//   {"id": 1, "url": ..., "link": "http"|"batch"|"stream", "headers": {...}, "calls": [["lessons.getAll", {...}]]}
//       all calls are made in one tick, so that a batching link sends one request
//       -> {"id": 1, "event": "result", "call": 0, "data": <superjson>} or {"event": "error", "call": 0, "error": {...}},
//          each as it settles, then {"id": 1, "event": "settled"}
//   {"id": 2, "url": ..., "link": "subscribe", "headers": {...}, "calls": [["chat.stream", {...}]]}
//       -> {"id": 2, "event": "started" | "data" | "state" | "error" | "complete", ...}
//   {"id": 2, "link": "unsubscribe"}   {"id": 1, "link": "abort"}
//
// Inputs and results are superjson values, so dates and sets survive on both sides.
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

const MUTATIONS = new Set(["auth.login", "chat.translate", "chat.sendMessage", "analytics.trackEvent"]);
const running = new Map(); // id -> { abort } | { unsubscribe }

function say(id, event, more = {}) {
  process.stdout.write(`${JSON.stringify({ id, event, ...more })}\n`);
}

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

function link({ link: kind, url, headers = {}, maxItems, maxURLLength }) {
  const common = { url, transformer: superjson, headers };
  if (kind === "http") return httpLink(common);
  if (kind === "batch") return httpBatchLink({ ...common, maxItems, maxURLLength });
  if (kind === "stream") return httpBatchStreamLink({ ...common, maxItems, maxURLLength });
  if (kind === "subscribe") {
    return httpSubscriptionLink({
      url,
      transformer: superjson,
      EventSource,
      eventSourceOptions: () => ({
        fetch: (target, init) => fetch(target, { ...init, headers: { ...init.headers, ...headers } }),
      }),
    });
  }
  throw new Error(`no link named ${kind}`);
}

function procedure(client, path) {
  return path.split(".").reduce((node, part) => node[part], client);
}

async function call(command) {
  const client = createTRPCClient({ links: [link(command)] });
  const abort = new AbortController();
  running.set(command.id, { abort: () => abort.abort() });
  await Promise.all(
    command.calls.map(async ([path, input], index) => {
      const verb = MUTATIONS.has(path) ? "mutate" : "query";
      const value = input === null || input === undefined ? undefined : superjson.deserialize(input);
      try {
        const data = await procedure(client, path)[command.verb ?? verb](value, { signal: abort.signal });
        say(command.id, "result", { call: index, data: superjson.serialize(data) });
      } catch (error) {
        say(command.id, "error", { call: index, error: describe(error) });
      }
    }),
  );
  running.delete(command.id);
  say(command.id, "settled");
}

function subscribe(command) {
  const client = createTRPCClient({ links: [link(command)] });
  const [[path, input]] = command.calls;
  const subscription = procedure(client, path).subscribe(superjson.deserialize(input), {
    onStarted: () => say(command.id, "started"),
    onConnectionStateChange: ({ state, error }) =>
      say(command.id, "state", { state, error: error ? describe(error) : null }),
    onData: ({ id, data }) => say(command.id, "data", { eventId: id, data }),
    onError: (error) => say(command.id, "error", { error: describe(error) }),
    onComplete: () => say(command.id, "complete"),
  });
  running.set(command.id, subscription);
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.link === "subscribe") subscribe(command);
  else if (command.link === "unsubscribe") running.get(command.id).unsubscribe();
  else if (command.link === "abort") running.get(command.id).abort();
  else void call(command);
}
process.exit(0);
