/** A forwarding proxy on loopback, for programs that reach the world only through one. */
import { Buffer } from "node:buffer";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";

export interface ForwardProxy {
  /** For HTTPS_PROXY, with the credentials that it wants. */
  readonly url: string;
  /** `host:port` that clients had themselves connected with. */
  readonly connected: Set<string>;
  close(): Promise<void>;
}

/**
 * A proxy that knows the CONNECT method.
 * @param hosts where the names lead that clients ask for, as ports on loopback; no other is reached
 */
export async function startForwardProxy(
  hosts: Readonly<Record<string, number>>,
): Promise<ForwardProxy> {
  const login = "ann:secret";
  const authorization = `Basic ${Buffer.from(login).toString("base64")}`;
  const connected = new Set<string>();
  const sockets = new Set<Duplex>();
  const server = createServer((_request, response) => response.writeHead(405).end());
  server.on("connect", (request, client: Duplex, head) => {
    sockets.add(client);
    client.on("error", () => client.destroy());
    const refuse = (status: string) =>
      client.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n\r\n`);
    if (request.headers["proxy-authorization"] !== authorization) {
      return refuse(
        '407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="denim"',
      );
    }
    const [name] = (request.url ?? "").split(":");
    const port = hosts[name];
    if (port === undefined) return refuse("502 Bad Gateway");
    connected.add(request.url ?? "");
    const upstream: Socket = connect(port, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    sockets.add(upstream);
    upstream.on("error", () => client.destroy());
    client.on("close", () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const place = server.address();
  if (place === null || typeof place === "string") throw new Error("no port");
  return {
    url: `http://${login}@127.0.0.1:${place.port}`,
    connected,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
