/** TCP ports for servers that must know theirs before they listen. */
import { createServer, type Server } from "node:net";

/**
 * Ports of 127.0.0.1 that nobody listens on now, all different. Whoever can listen on port 0 should
 * do that instead: until these are used, others may take them.
 */
export async function freePorts(count: number): Promise<number[]> {
  // All are held at once, so that none is given out twice.
  const servers = await Promise.all(Array.from({ length: count }, listening));
  const ports = servers.map(portOf);
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}

function listening(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("it listens on no TCP port");
  return address.port;
}
