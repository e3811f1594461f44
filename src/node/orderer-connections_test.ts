import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { systemClock } from "../base/clock.ts";
import { type Logger, silentLogger } from "../base/logger.ts";
import type { PeerSettings } from "../config/types.ts";
import { identityExpiresAt } from "../deliver/session-access.ts";
import { Endorser } from "../gen/peer/peer_pb.ts";
import { SignedProposalSchema } from "../gen/peer/proposal_pb.ts";
import { blockSignatures } from "../channel/block-verifier.ts";
import { createRpcServer } from "../rpc/server.ts";
import { createTestAuthority } from "../rpc/testing-certs.ts";
import { registerTestServices } from "../rpc/testing-services.ts";
import { goldenBlocks } from "../../tests/support/golden.ts";
import { ExpiryWatch, watchBlockSigners } from "./expiry-watch.ts";
import { ordererConnector } from "./orderer-connections.ts";

function warnings(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  return { lines, logger: { ...silentLogger, warn: (message) => lines.push(message) } };
}

/** Settings of a peer as far as dialling orderers is concerned. */
function settings(staticRootsEnabled = false): Pick<PeerSettings, "deliveryClient" | "keepalive"> {
  const keepalive = { intervalMs: 60_000, timeoutMs: 20_000 };
  return {
    keepalive: { minIntervalMs: 60_000, client: keepalive, deliveryClient: keepalive },
    deliveryClient: {
      reconnectTotalTimeThresholdMs: 1,
      connTimeoutMs: 10_000,
      reconnectBackoffThresholdMs: 1,
      staticRootsEnabled,
    },
  };
}

Deno.test("an orderer's TLS certificate that ends soon is warned of once, and only the channel's roots are trusted", async () => {
  const authority = await createTestAuthority("ca");
  const own = await authority.issue("orderer"); // valid for a day
  const server = await createRpcServer({ listen: "127.0.0.1:0", tls: own, logger: silentLogger });
  registerTestServices(server);
  const { logger, lines } = warnings();
  const expiry = new ExpiryWatch({ clock: systemClock, logger });
  const tls = {
    server: own,
    client: { rootCertificates: [authority.root] },
    clientCertificateHash: undefined,
    serverCertificateHash: undefined,
  };
  const call = async (staticRootsEnabled: boolean, roots: readonly string[]) => {
    const client = ordererConnector(settings(staticRootsEnabled), tls, expiry)(
      server.address,
      roots,
    );
    try {
      await client.unary(Endorser.method.processProposal, create(SignedProposalSchema));
    } finally {
      await client.close();
    }
  };
  try {
    await call(false, [authority.root]);
    await call(false, [authority.root]);
    await call(true, []);
    const stranger = await createTestAuthority("stranger");
    await assert.rejects(call(false, [stranger.root]), /TLS verification failed/);
    assert.deepEqual(lines, [
      `The TLS server (orderer ${server.address}) certificate expires within 24 hours`,
    ]);
  } finally {
    expiry.close();
    await server.close(0);
  }
});

Deno.test("the certificate with which an orderer signs blocks is warned of before it ends", () => {
  const block = goldenBlocks()[3];
  const expiresAt = identityExpiresAt(blockSignatures(block)[0].identity) ?? assert.fail();
  const { logger, lines } = warnings();
  using expiry = watchAt(expiresAt - 3_600_000, logger);
  const note = watchBlockSigners(expiry.watch);
  for (let i = 0; i < 3; i++) note(block);
  assert.equal(lines.length, 1);
  assert.match(
    lines[0],
    /^The orderer's enrollment \([0-9a-f]{8}\) certificate expires within 1 h/,
  );
});

function watchAt(now: number, logger: Logger) {
  const watch = new ExpiryWatch({ clock: { now: () => now }, logger });
  return { watch, [Symbol.dispose]: () => watch.close() };
}
