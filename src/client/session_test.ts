import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { temporaryDirectory } from "../../tests/support/temporary.ts";
import { equal } from "../base/bytes.ts";
import { silentLogger } from "../base/logger.ts";
import { configOf } from "../config/load.ts";
import { decodePem } from "../crypto/pem.ts";
import { sha256 } from "../crypto/hash.ts";
import { EnvelopeSchema } from "../gen/common/common_pb.ts";
import { Admin, ServerStatus_StatusCode, ServerStatusSchema } from "../gen/peer/admin_pb.ts";
import { createRpcServer } from "../rpc/server.ts";
import { createTestAuthority } from "../rpc/testing-certs.ts";
import { clock, signer } from "./client_testkit.ts";
import { ClientSession } from "./session.ts";

const authority = await createTestAuthority("test root");
const issued = await authority.issue("peer", ["peer.example.com"]);

/** A TLS peer under a name that is not its address, and the settings of a client in a directory. */
async function withTlsPeer(
  run: (open: (settings: Record<string, string>) => ClientSession) => Promise<void>,
): Promise<void> {
  using directory = temporaryDirectory();
  const file = (name: string, content: string) => {
    const path = join(directory.path, name);
    writeFileSync(path, content);
    return path;
  };
  const server = await createRpcServer({
    listen: "127.0.0.1:0",
    tls: { ...issued, clientRootCertificates: [authority.root] },
    logger: silentLogger,
  });
  server.register(Admin, {
    getStatus: (_, { clientCertificate }) =>
      create(ServerStatusSchema, {
        status: clientCertificate
          ? ServerStatus_StatusCode.STARTED
          : ServerStatus_StatusCode.UNDEFINED,
      }),
  });
  const settings = {
    CORE_PEER_ADDRESS: server.address,
    CORE_PEER_TLS_ENABLED: "true",
    CORE_PEER_TLS_SERVERHOSTOVERRIDE: "peer.example.com",
    CORE_PEER_TLS_ROOTCERT_FILE: file("ca.pem", authority.root),
    CORE_PEER_TLS_CLIENTAUTHREQUIRED: "true",
    CORE_PEER_TLS_CLIENTCERT_FILE: file("client.pem", issued.certificate),
    CORE_PEER_TLS_CLIENTKEY_FILE: file("client.key", issued.key),
  };
  try {
    await run((changes) =>
      new ClientSession(
        configOf({ ...settings, ...changes }, undefined, directory.path),
        signer,
        clock,
      )
    );
  } finally {
    await server.close(0);
  }
}

Deno.test("a session shows its certificate, binds requests to it, and trusts the named root", async () => {
  await withTlsPeer(async (open) => {
    const session = open({});
    const peer = await session.configuredPeer();
    const { status } = await peer.status(create(EnvelopeSchema));
    assert.equal(status, ServerStatus_StatusCode.STARTED);
    const der = decodePem(issued.certificate)?.bytes;
    assert.ok(der && peer.tlsCertHash && equal(peer.tlsCertHash, sha256(der)));
    session.close();
    await assert.rejects(peer.status(create(EnvelopeSchema)), { name: "RpcError" });
  });
});

Deno.test("a server that the root did not certify is not talked to", async () => {
  const other = await createTestAuthority("other root");
  using directory = temporaryDirectory();
  const root = join(directory.path, "other.pem");
  writeFileSync(root, other.root);
  await withTlsPeer(async (open) => {
    const session = open({ CORE_PEER_TLS_ROOTCERT_FILE: root });
    const peer = await session.configuredPeer();
    await assert.rejects(peer.status(create(EnvelopeSchema)), { name: "RpcError" });
    session.close();
  });
});

Deno.test("a peer that a flag names needs its own root, and may be written as an URL", async () => {
  await withTlsPeer(async (open) => {
    const session = open({});
    const { config } = session;
    const address = config.raw.string("peer.address");
    const tlsRootCertFile = config.raw.path("peer.tls.rootcert.file");
    const peer = await session.peer({ address: `grpcs://${address}`, tlsRootCertFile });
    assert.equal(peer.address, address);
    const { status } = await peer.status(create(EnvelopeSchema));
    assert.equal(status, ServerStatus_StatusCode.STARTED);
    await assert.rejects(session.peer({ address, tlsRootCertFile: "" }), {
      code: "missing-tls-root",
      message: "tls root cert file must be set",
    });
    session.close();
  });
});

Deno.test("files that are missing or not set are named with the setting and the flag", async () => {
  const session = (settings: Record<string, string>) =>
    new ClientSession(configOf(settings, undefined, "/nonexistent"), signer, clock);
  const tls = { CORE_PEER_TLS_ENABLED: "true", CORE_PEER_ADDRESS: "h:1" };
  await assert.rejects(session(tls).configuredPeer(), {
    code: "unreadable-file",
    message: /^unable to load peer\.tls\.rootcert\.file.*\/nonexistent\/tls\/ca\.crt/,
    hint: "give CORE_PEER_TLS_ROOTCERT_FILE (or --tlsRootCertFiles) the path of a PEM file",
  });
  await assert.rejects(
    session({ CORE_ORDERER_TLS_ENABLED: "true", CORE_ORDERER_ADDRESS: "h:1" }).orderer(),
    {
      code: "unreadable-file",
      message: /^unable to load orderer\.tls\.rootcert\.file.*no file is set/,
      hint: "give --cafile the path of a PEM file",
    },
  );
});

Deno.test("without TLS nothing is read, and a chosen orderer stands for the configured one", async () => {
  const config = configOf({ CORE_ORDERER_ADDRESS: "configured:1" }, undefined, "/nonexistent");
  const session = new ClientSession(config, signer, clock);
  assert.equal((await session.orderer()).address, "configured:1");
  const chosen = await session.orderer("chosen:2");
  assert.equal(chosen.address, "chosen:2");
  assert.equal(chosen.tlsCertHash, undefined);
  session.close();
});
