/** A listener's rights follow the channel's configuration, in a whole development network. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clone, create, toBinary } from "@bufbuild/protobuf";
import { systemClock } from "../src/base/clock.ts";
import { LogSpec } from "../src/base/log-spec.ts";
import { LogWriter } from "../src/base/log-writer.ts";
import { computeConfigUpdate } from "../src/channel/compute-update.ts";
import { createEcdsaProvider } from "../src/crypto/provider.ts";
import { seekEnvelope } from "../src/deliver/testing.ts";
import { Status } from "../src/gen/common/common_pb.ts";
import { ConfigSchema, ConfigValueSchema$ } from "../src/gen/common/configtx_pb.ts";
import { AtomicBroadcast } from "../src/gen/orderer/ab_pb.ts";
import { ACLsSchema } from "../src/gen/peer/configuration_pb.ts";
import { Deliver, type DeliverResponse } from "../src/gen/peer/events_pb.ts";
import { loadSigningIdentity } from "../src/msp/signing-identity.ts";
import {
  type DevelopmentNetwork,
  startDevelopmentNetwork,
} from "../src/network/development-network.ts";
import { updateEnvelope } from "../src/network/genesis/channel-update.ts";
import { createRpcClient } from "../src/rpc/client.ts";

/** Changes the channel's ACLs, with the administrator's signature, and waits for the order. */
async function setAcls(
  { running, peers }: DevelopmentNetwork,
  admin: ReturnType<typeof loadSigningIdentity>,
  acls: Record<string, string>,
): Promise<void> {
  const original = peers[0].channels.bundle("mychannel")?.config ?? assert.fail();
  const updated = clone(ConfigSchema, original);
  const application = updated.channelGroup?.groups.Application ?? assert.fail();
  const entries = Object.entries(acls).map(([resource, policyRef]) => [resource, { policyRef }]);
  application.values.ACLs = create(ConfigValueSchema$, {
    version: application.values.ACLs?.version ?? 0n,
    modPolicy: "Admins",
    value: toBinary(ACLsSchema, create(ACLsSchema, { acls: Object.fromEntries(entries) })),
  });
  const update = computeConfigUpdate("mychannel", original, updated);
  const orderer = createRpcClient({
    address: running.ordererAddress,
    tls: { rootCertificates: [readFileSync(running.ordererTlsRootCertFile, "utf8")] },
  });
  try {
    const stream = orderer.stream(AtomicBroadcast.method.broadcast, { timeoutMs: 20_000 });
    await stream.send(updateEnvelope(update, { signers: [admin], clock: systemClock }));
    stream.closeSend();
    const [answer] = await Array.fromAsync(stream.responses);
    assert.equal(answer.status, Status.SUCCESS, answer.info);
  } finally {
    await orderer.close();
  }
}

/** Number of a block, or minus a status. */
function told({ Type }: DeliverResponse): number {
  switch (Type.case) {
    case "block":
      return Number(Type.value.header?.number);
    case "filteredBlock":
      return Number(Type.value.number);
    case "status":
      return -Type.value;
    default:
      return assert.fail();
  }
}

Deno.test("listeners end with FORBIDDEN at the configuration that takes their right away", async () => {
  const directory = mkdtempSync(join(tmpdir(), "denim-rights-"));
  const provider = createEcdsaProvider();
  const network = await startDevelopmentNetwork({
    directory,
    organizations: 1,
    channelId: "mychannel",
    firstPort: 0,
    chosen: { organizations: false, channelId: false, firstPort: true },
    runtime: "process",
    environment: { PATH: Deno.env.get("PATH") },
    clock: systemClock,
    log: new LogWriter({
      spec: LogSpec.parse("error"),
      write: () => {},
      clock: systemClock,
      coloured: false,
    }),
  });
  const [org] = network.running.organizations;
  const client = createRpcClient({
    address: org.peerAddress,
    tls: { rootCertificates: [readFileSync(org.tlsRootCertFile, "utf8")] },
  });
  try {
    const admin = loadSigningIdentity(org.adminMspPath, org.mspId, provider);
    const user = loadSigningIdentity(
      org.adminMspPath.replace("Admin@", "User1@"),
      org.mspId,
      provider,
    );
    const listen = async (signer: typeof user, method = Deliver.method.deliver) => {
      const stream = client.stream(method, { timeoutMs: 60_000 });
      await stream.send(seekEnvelope({ clock: systemClock, signer, start: "newest", stop: 1e6 }));
      const answers = stream.responses[Symbol.asyncIterator]();
      return {
        next: async () => told((await answers.next()).value ?? assert.fail("the stream has ended")),
        cancel: () => stream.cancel(),
      };
    };
    const full = await listen(user);
    const filtered = await listen(user, Deliver.method.deliverFiltered);
    const ofAdmin = await listen(admin);
    for (const listener of [full, filtered, ofAdmin]) assert.equal(await listener.next(), 0);

    // A change that takes nothing away: everybody goes on.
    const readers = "/Channel/Application/Readers";
    await setAcls(network, admin, { "event/Block": readers });
    for (const listener of [full, filtered, ofAdmin]) assert.equal(await listener.next(), 1);

    // Whole blocks are now the administrators'; the user keeps filtered ones.
    await setAcls(network, admin, { "event/Block": "/Channel/Application/Admins" });
    assert.equal(await full.next(), -Status.FORBIDDEN);
    for (const listener of [filtered, ofAdmin]) assert.equal(await listener.next(), 2);
    const again = await listen(user);
    assert.equal(await again.next(), -Status.FORBIDDEN);

    // And given back.
    await setAcls(network, admin, { "event/Block": readers });
    for (const listener of [filtered, ofAdmin]) assert.equal(await listener.next(), 3);
    const last = await listen(user);
    assert.equal(await last.next(), 3);
    for (const listener of [filtered, ofAdmin, last]) listener.cancel();
  } finally {
    await client.close();
    await network.stop();
    provider.close?.();
    rmSync(directory, { recursive: true, force: true });
  }
});
