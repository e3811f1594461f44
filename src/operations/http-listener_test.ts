import assert from "node:assert/strict";
import net from "node:net";
import { silentLogger } from "../base/logger.ts";
import { createTestAuthority } from "../rpc/testing-certs.ts";
import { HttpListener, type HttpListenerOptions, type HttpRoute } from "./http-listener.ts";
import { ask } from "./testing.ts";

const routes: ReadonlyMap<string, HttpRoute> = new Map<string, HttpRoute>([
  ["/open", { secure: false, handle: () => ({ status: 200, body: "open" }) }],
  ["/closed", { secure: true, handle: () => ({ status: 200, body: "closed" }) }],
  ["/echo", {
    secure: false,
    handle: ({ method, body }) => ({ status: 200, contentType: "x/y", body: `${method} ${body}` }),
  }],
  ["/defect", {
    secure: false,
    handle: () => {
      throw new TypeError("a defect");
    },
  }],
]);

async function withListener(
  options: Partial<HttpListenerOptions>,
  run: (address: string) => Promise<void>,
): Promise<void> {
  const listener = await HttpListener.start({
    listenAddress: "127.0.0.1:0",
    routes,
    logger: silentLogger,
    ...options,
  });
  try {
    await run(listener.address);
  } finally {
    await listener.close();
  }
}

Deno.test("without TLS every path is open; requests have an id; unknown paths are not found", async () => {
  await withListener({}, async (address) => {
    assert.equal((await ask(address, "/closed")).body, "closed");
    const echo = await ask(address, "/echo?q=1", { method: "PUT", body: "bödy" });
    assert.deepEqual([echo.status, echo.contentType, echo.body], [200, "x/y", "PUT bödy"]);
    assert.match(echo.requestId ?? "", /^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    const named = await ask(address, "/open", { headers: { "X-Request-Id": "mine" } });
    assert.equal(named.requestId, "mine");
    const unknown = await ask(address, "/nothing");
    assert.deepEqual([unknown.status, unknown.body], [404, "404 page not found\n"]);
    assert.equal((await ask(address, "/open", { method: "HEAD" })).body, "");
  });
});

Deno.test("a defect in a handler costs its own connection only", async () => {
  await withListener({}, async (address) => {
    await assert.rejects(ask(address, "/defect"));
    assert.equal((await ask(address, "/open")).body, "open");
  });
});

Deno.test("a body beyond the limit is refused", async () => {
  await withListener({ limits: { maxBodyBytes: 10 } }, async (address) => {
    assert.equal((await ask(address, "/echo", { method: "PUT", body: "0123456789" })).status, 200);
    assert.equal((await ask(address, "/echo", { method: "PUT", body: "0123456789a" })).status, 413);
  });
});

Deno.test("who sends nothing, or not all, is cut off; more connections than the limit too", async () => {
  const limits = { readTimeoutMs: 1_500, maxConnections: 2 };
  await withListener({ limits }, async (address) => {
    /** Resolves once it is connected: the listener sees connections in that order. */
    const dial = async (text: string) => {
      const socket = net.connect(Number(address.split(":")[1]), "127.0.0.1");
      const closed = new Promise<string>((resolve) =>
        socket.once("close", () => resolve("closed"))
      );
      const connected = new Promise<void>((resolve) => socket.once("connect", () => resolve()));
      socket.on("error", () => {});
      socket.on("data", () => {});
      await connected;
      socket.write(text);
      return { closed };
    };
    const started = performance.now();
    const silent = await dial("");
    const halfway = await dial("PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n012");
    const third = await dial("GET /open HTTP/1.1\r\nHost: x\r\n\r\n");
    assert.equal(await third.closed, "closed");
    assert(performance.now() - started < limits.readTimeoutMs, "it was not refused at once");
    assert.deepEqual(await Promise.all([silent.closed, halfway.closed]), ["closed", "closed"]);
    assert(performance.now() - started >= limits.readTimeoutMs - 50);
    assert.equal((await ask(address, "/open")).body, "open");
  });
});

Deno.test("TLS, client certificates wanted but not required: 401 where one is needed", async () => {
  const authority = await createTestAuthority("ca");
  const stranger = await createTestAuthority("other");
  const server = await authority.issue("server");
  const client = await authority.issue("client");
  const foreign = await stranger.issue("client");
  const tls = { ...server, clientRootCertificates: [authority.root], clientAuthRequired: false };
  const ca = authority.root;
  const none = { ca };
  const good = { ca, cert: client.certificate, key: client.key };
  const bad = { ca, cert: foreign.certificate, key: foreign.key };
  await withListener({ tls }, async (address) => {
    assert.equal((await ask(address, "/open", { tls: none })).body, "open");
    const refused = await ask(address, "/closed", { tls: none });
    assert.deepEqual([refused.status, refused.body], [401, ""]);
    assert.equal((await ask(address, "/closed", { tls: good })).body, "closed");
    assert.equal((await ask(address, "/open", { tls: good })).body, "open");
    // A certificate of nobody we know is no reason to go on without one.
    await assert.rejects(ask(address, "/open", { tls: bad }));
    await assert.rejects(ask(address, "/open"));
  });
});

Deno.test("TLS, client certificates required: without one there is no connection", async () => {
  const authority = await createTestAuthority("ca");
  const server = await authority.issue("server");
  const client = await authority.issue("client");
  const tls = { ...server, clientRootCertificates: [authority.root], clientAuthRequired: true };
  const ca = authority.root;
  await withListener({ tls }, async (address) => {
    await assert.rejects(ask(address, "/open", { tls: { ca } }));
    const good = { ca, cert: client.certificate, key: client.key };
    assert.equal((await ask(address, "/open", { tls: good })).body, "open");
  });
});

Deno.test("an address that is taken, or a key that does not fit, ends the start with its reason", async () => {
  await withListener({}, async (address) => {
    const again = HttpListener.start({ listenAddress: address, routes, logger: silentLogger });
    await assert.rejects(again, {
      code: "address-in-use",
      message: `listen ${address}: address already in use`,
    });
  });
  const tls = {
    certificate: "no certificate",
    key: "no key",
    clientRootCertificates: [],
    clientAuthRequired: false,
  };
  await assert.rejects(
    HttpListener.start({ listenAddress: "127.0.0.1:0", routes, tls, logger: silentLogger }),
    { code: "bad-tls-material" },
  );
  const authority = await createTestAuthority("ca");
  const [{ certificate }, { key }] = [await authority.issue("a"), await authority.issue("b")];
  const mixed = { ...tls, certificate, key };
  await assert.rejects(
    HttpListener.start({ listenAddress: "127.0.0.1:0", routes, tls: mixed, logger: silentLogger }),
    { message: "operations.tls cannot be used: the key is not the certificate's" },
  );
});
