// Serves the whole router of tutor.mjs. Prints {"port": N} once it listens, and ends when its standard input closes.
import http from "node:http";
import { createHTTPHandler } from "@trpc/server/adapters/standalone";
import { appRouter } from "./tutor.mjs";

const trpc = createHTTPHandler({ router: appRouter, basePath: "/api/trpc/", createContext: () => ({}) });
const server = http.createServer({ keepAliveTimeout: 5000 }, trpc);
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.on("end", () => process.exit(0)).resume();
