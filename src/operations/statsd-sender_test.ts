import assert from "node:assert/strict";
import dgram from "node:dgram";
import net from "node:net";
import { Deferred } from "../base/async.ts";
import { silentLogger } from "../base/logger.ts";
import { StatsdProvider } from "./statsd.ts";
import { datagrams, maxDatagramBytes, StatsdSender } from "./statsd-sender.ts";

const counter = { name: "c", help: "" };

async function receiver() {
  const socket = dgram.createSocket("udp4");
  const bound = new Deferred<void>();
  socket.bind(0, "127.0.0.1", () => bound.resolve());
  await bound.promise;
  let received = "";
  let wake = () => {};
  socket.on("message", (message) => {
    received += message.toString();
    wake();
  });
  return {
    address: `127.0.0.1:${socket.address().port}`,
    async until(expected: RegExp) {
      while (!expected.test(received)) await new Promise<void>((resolve) => wake = resolve);
      return received;
    },
    close: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  };
}

const base = { network: "udp", writeIntervalMs: 20, logger: silentLogger };

Deno.test("metrics are sent by UDP at intervals, and the last ones when it ends", async () => {
  const server = await receiver();
  const provider = new StatsdProvider("p");
  const sender = await StatsdSender.start({ ...base, provider, address: server.address });
  try {
    provider.counter(counter).add(1);
    await server.until(/^p\.c:1\.000000\|c\n/m);
    provider.counter(counter).add(2);
    await server.until(/^p\.c:2\.000000\|c\n/m);
    provider.counter(counter).add(3);
  } finally {
    await sender.close();
  }
  await server.until(/^p\.c:3\.000000\|c\n/m);
  await server.close();
});

Deno.test("lines share datagrams up to the limit", () => {
  const lines = Array.from({ length: 100 }, (_, i) => `metric_${i}:1.000000|c`.padEnd(100, "x"));
  const sent = [...datagrams([...lines, "y".repeat(2 * maxDatagramBytes), "z"])];
  assert.equal(sent.join(""), [...lines, "y".repeat(2 * maxDatagramBytes), "z", ""].join("\n"));
  assert.equal(sent.length, Math.ceil(100 / 14) + 2);
  assert(sent.filter((datagram) => datagram.length > maxDatagramBytes).length === 1);
  assert.deepEqual([...datagrams([])], []);
});

Deno.test("metrics are sent by TCP, over a new connection when one has broken", async () => {
  let received = "";
  let wake = () => {};
  const sockets: net.Socket[] = [];
  const server = net.createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", (data) => {
      received += data.toString();
      wake();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  const provider = new StatsdProvider("");
  const address = `127.0.0.1:${port}`;
  const sender = await StatsdSender.start({ ...base, network: "tcp", provider, address });
  const until = async (connections: number) => {
    received = "";
    const deadline = Date.now() + 20_000;
    while (!(received.includes("c:") && sockets.length >= connections)) {
      assert(Date.now() < deadline, `${sockets.length} connections, received ${received}`);
      provider.counter(counter).add(1);
      await Promise.race([
        new Promise<void>((resolve) => wake = resolve),
        new Promise<void>((resolve) => setTimeout(resolve, 5)),
      ]);
    }
  };
  try {
    await until(1);
    sockets[0].destroy();
    await until(2);
  } finally {
    await sender.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
});

Deno.test("an address that cannot be used is told at the start", async () => {
  const provider = new StatsdProvider("");
  const start = (options: Partial<Parameters<typeof StatsdSender.start>[0]>) =>
    StatsdSender.start({ ...base, provider, address: "127.0.0.1:1", ...options });
  await assert.rejects(start({ address: "nowhere" }), { code: "statsd-address" });
  await assert.rejects(start({ network: "pigeon" }), { code: "statsd-address" });
  await assert.rejects(start({ network: "tcp" }), { code: "statsd-address" });
  await assert.rejects(start({ writeIntervalMs: 0 }), { code: "statsd-address" });
});
