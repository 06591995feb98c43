// A tutor-like backend on the real @trpc/server: what the gateway tests talk to, through the gateway.
// Prints {"port": N} once it listens. Ends when its standard input closes, so a crashed test leaves nothing behind.
//
// Control (never routed by a gateway): GET /__control/state, and POST /__control/ reset, release (the held calls), push
// (an event to a stream), drop (the connections of what is being answered). Nothing here waits for time to pass: the
// tests say when a held call or a stream goes on.
import { createHmac, timingSafeEqual } from "node:crypto";
import http from "node:http";
import { initTRPC, TRPCError, tracked } from "@trpc/server";
import { createHTTPHandler } from "@trpc/server/adapters/standalone";
import superjson from "superjson";
import { z } from "zod";

const SECRET = process.env.JWT_SECRET ?? "";
const USER = { id: "u-ada", email: "ada@example.com", displayName: "Ada", joined: new Date("2024-02-03T04:05:06.000Z") };
const LESSONS = [
  { id: "es-1", title: "Saludos", language: "es", tags: new Set(["a1", "speaking"]) },
  { id: "pa-1", title: "ਸਤ ਸ੍ਰੀ ਅਕਾਲ", language: "pa", tags: new Set(["a1"]) },
];

const state = { runs: {}, streamsOpen: 0, streamsCancelled: 0, held: 0, heads: [] };
let releases = [];
const answering = new Set(); // sockets
const streams = new Map(); // topic -> { events, waiters }

function reset() {
  Object.assign(state, { runs: {}, streamsCancelled: 0, heads: [] });
  streams.clear();
}

function verify(token) {
  const [head, body, signature] = token.split(".");
  if (signature === undefined) return null;
  const expected = createHmac("sha256", SECRET).update(`${head}.${body}`).digest();
  const given = Buffer.from(signature, "base64url");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
  const claims = JSON.parse(Buffer.from(body, "base64url").toString("utf8"));
  return claims.type === "access" && claims.exp * 1000 > Date.now() ? claims : null;
}

const t = initTRPC.context().create({
  transformer: superjson,
  isDev: false,
  sse: { ping: { enabled: false } },
  errorFormatter: ({ shape, error }) => ({
    ...shape,
    data: { ...shape.data, zodError: error.cause instanceof z.ZodError ? z.flattenError(error.cause) : null },
  }),
});
const open = t.procedure.use(({ path, next }) => {
  state.runs[path] = (state.runs[path] ?? 0) + 1;
  return next();
});
const signedIn = open.use(({ ctx, next }) => {
  if (!ctx.claims) throw new TRPCError({ code: "UNAUTHORIZED", message: "Backend says: sign in" });
  return next({ ctx: { claims: ctx.claims } });
});

function topic(name) {
  if (!streams.has(name)) streams.set(name, { events: [], waiters: new Set() });
  return streams.get(name);
}

async function* follow(name, lastEventId, signal) {
  const source = topic(name);
  let next = lastEventId ? Number(lastEventId) + 1 : 0;
  state.streamsOpen += 1;
  try {
    while (!signal.aborted) {
      while (next < source.events.length) {
        const event = source.events[next];
        if (event.end) return;
        if (event.fail) throw new TRPCError({ code: "UNPROCESSABLE_CONTENT", message: event.fail });
        yield tracked(String(next), event);
        next += 1;
      }
      await new Promise((resolve) => {
        source.waiters.add(resolve);
        signal.addEventListener("abort", resolve, { once: true });
      });
    }
  } finally {
    state.streamsOpen -= 1;
    if (signal.aborted) state.streamsCancelled += 1;
  }
}

const router = t.router({
  auth: t.router({
    login: open.input(z.object({ email: z.email().max(254), password: z.string().min(1) })).mutation(({ input }) => {
      if (input.email !== USER.email || input.password !== "Correct-horse-1") {
        throw new TRPCError({ code: "UNAUTHORIZED", message: "Invalid email or password" });
      }
      return { user: USER };
    }),
    getCurrentUser: signedIn.query(({ ctx }) => ({ ...USER, id: ctx.claims.sub })),
  }),
  lessons: t.router({
    getAll: open
      .input(z.object({ language: z.string().optional() }).optional())
      .query(({ input }) => LESSONS.filter((lesson) => !input?.language || lesson.language === input.language)),
    getById: open.input(z.object({ id: z.string() })).query(({ input }) => {
      const lesson = LESSONS.find(({ id }) => id === input.id);
      if (!lesson) throw new Error("Lesson not found");
      return lesson;
    }),
    export: open.input(z.object({ bytes: z.number().int().max(64e6) })).query(({ input }) => ({
      text: "ñ".repeat(input.bytes / 2),
    })),
    held: open.query(async ({ signal }) => {
      state.held += 1;
      const released = await new Promise((resolve) => {
        releases.push(() => resolve(true));
        signal.addEventListener("abort", () => resolve(false), { once: true });
      });
      state.held -= 1;
      return { released };
    }),
  }),
  chat: t.router({
    translate: open
      .input(z.object({ text: z.string().min(1).max(1000), fromLanguage: z.string(), toLanguage: z.string() }))
      .mutation(({ input }) => ({ original: input.text, translation: `${input.toLanguage}:${input.text}` })),
    sendMessage: signedIn
      .input(z.object({ message: z.string().min(1).max(1000), language: z.string() }))
      .mutation(({ input, ctx }) => ({ reply: `You said: ${input.message}`, to: ctx.claims.sub, at: new Date(0) })),
    stream: signedIn
      .input(z.object({ topic: z.string(), lastEventId: z.string().nullish() }))
      .subscription(({ input, signal }) => follow(input.topic, input.lastEventId, signal)),
  }),
  analytics: t.router({
    trackEvent: signedIn
      .input(z.object({ event: z.string(), properties: z.record(z.string(), z.unknown()).optional(), at: z.date().optional() }))
      .mutation(({ input }) => ({ tracked: input.event, at: input.at ?? null })),
  }),
});

const trpc = createHTTPHandler({
  router,
  basePath: "/api/trpc/",
  createContext: ({ req }) => {
    const [, token] = /^bearer (.+)$/i.exec(req.headers.authorization ?? "") ?? [];
    return { claims: token ? verify(token) : null };
  },
});

const control = {
  "GET /__control/state": () => state,
  "POST /__control/reset": reset,
  "POST /__control/release": () => {
    for (const release of releases) release();
    releases = [];
  },
  "POST /__control/drop": () => {
    for (const socket of answering) socket.destroy();
  },
  "POST /__control/push": ({ topic: name, event }) => {
    const source = topic(name);
    source.events.push(event);
    for (const wake of source.waiters) wake();
    source.waiters.clear();
  },
};

async function body(req) {
  let text = "";
  for await (const chunk of req.setEncoding("utf8")) text += chunk;
  return text ? JSON.parse(text) : {};
}

const server = http.createServer({ keepAliveTimeout: 5000 }, async (req, res) => {
  const own = control[`${req.method} ${req.url}`];
  if (own) {
    res.setHeader("content-type", "application/json");
    res.end(JSON.stringify(own(await body(req)) ?? {}));
    return;
  }
  state.heads.push({ method: req.method, url: req.url, headers: req.headers });
  answering.add(req.socket);
  res.once("close", () => answering.delete(req.socket));
  res.setHeader("access-control-allow-origin", "true"); // as the real backend does; a gateway must drop it
  trpc(req, res);
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.on("end", () => process.exit(0)).resume();
