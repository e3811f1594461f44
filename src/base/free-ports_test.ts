import assert from "node:assert/strict";
import { createServer } from "node:net";
import { freePorts } from "./free-ports.ts";

Deno.test("free ports are different ones, and can be listened on", async () => {
  const ports = await freePorts(20);
  assert.equal(new Set(ports).size, 20);
  for (const port of ports) {
    const server = createServer();
    await new Promise<void>((resolve, reject) =>
      server.once("error", reject).listen(port, "127.0.0.1", resolve)
    );
    await new Promise((closed) => server.close(closed));
  }
  assert.deepEqual(await freePorts(0), []);
});
