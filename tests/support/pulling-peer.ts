/**
 * peer0.org1 of the recording pulling its channel's blocks until it is told to stop:
 * `deno run -A pulling-peer.ts LEDGERS ORDERER`. Joins `mychannel` first where it has not yet.
 * Prints `opened H` once the ledger is open, then the number of each block that is committed; its
 * log goes to stderr.
 */
import { fileURLToPath } from "node:url";
import { utf8 } from "../../src/base/bytes.ts";
import { LogSpec } from "../../src/base/log-spec.ts";
import { LogWriter } from "../../src/base/log-writer.ts";
import { createEcdsaProvider } from "../../src/crypto/provider.ts";
import { createLedgerProvider } from "../../src/ledger/ledger-provider.ts";
import { loadSigningIdentity } from "../../src/msp/signing-identity.ts";
import { Channels } from "../../src/node/channels.ts";
import { createRpcClient } from "../../src/rpc/client.ts";
import { recordedOrNow } from "./golden-node.ts";
import { goldenJoinBlock } from "./golden-peer.ts";

const [directory, orderer] = Deno.args;
const keys = new URL("../testdata/golden/crypto-config/", import.meta.url);
const msp = new URL("peerOrganizations/org1.example.com/peers/peer0.org1.example.com/msp", keys);
const log = new LogWriter({
  write: (line) => Deno.stderr.writeSync(utf8(line)),
  clock: recordedOrNow,
  spec: LogSpec.parse("warn"),
  coloured: false,
});
const ecdsa = createEcdsaProvider();
const ledgers = createLedgerProvider({ directory, logger: log.logger("kvledger") });
const channels = new Channels(ledgers, {
  ecdsa,
  signer: loadSigningIdentity(fileURLToPath(msp), "Org1MSP", ecdsa, { clock: recordedOrNow }),
  identitiesOf: () => undefined,
  connectOrderer: (_, rootCertificates) =>
    createRpcClient({
      address: orderer,
      tls: { rootCertificates, serverNameOverride: "orderer.example.com" },
    }),
  tlsCertificateHash: undefined,
  reconnect: {},
  transientRetentionBlocks: 1000,
  clock: recordedOrNow,
  logger: log.logger("peer"),
});
const stop = async () => {
  await channels.stopAll();
  ledgers.close();
  ecdsa.close?.();
  Deno.exit(0);
};
Deno.addSignalListener("SIGTERM", () => void stop());
channels.openAll();
if (!channels.ledger("mychannel") && !channels.failures.has("mychannel")) {
  channels.join("mychannel", goldenJoinBlock());
}
const say = (line: string) => Deno.stdout.writeSync(utf8(`${line}\n`));
for (const channelId of channels.ids()) {
  const ledger = channels.ledger(channelId);
  say(`opened ${channelId} ${ledger?.info().height}`);
  if (channelId === "mychannel") ledger?.onCommit(({ number }) => say(`${number}`));
}
channels.startAll();
