/** A development network in the test's own process, and a client of it. */
import { join } from "node:path";
import { text, utf8 } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { LogSpec } from "../../src/base/log-spec.ts";
import { LogWriter } from "../../src/base/log-writer.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { packageSources } from "../../src/cli/chaincode/source-package.ts";
import {
  deployAndCommit,
  installPackage,
  queryChaincode,
} from "../../src/client/chaincode-lifecycle.ts";
import { networkClient } from "../../src/client/network-client.ts";
import { ChaincodeSpec_Type } from "../../src/gen/peer/chaincode_pb.ts";
import {
  type DevelopmentNetwork,
  startDevelopmentNetwork,
} from "../../src/network/development-network.ts";

const channelId = "mychannel";
const type = ChaincodeSpec_Type.NODE;

export interface NetworkForTests {
  readonly network: DevelopmentNetwork;
  /** Installs a directory of JavaScript sources and instantiates it, version 1.0. */
  deploy(name: string, path: string): Promise<void>;
  /** The payload of one proposal, nothing ordered. */
  query(name: string, ...args: string[]): Promise<string>;
}

export interface NetworkForTestsOptions {
  /** The network's own is `network` in it; its home too. */
  readonly directory: string;
  readonly runtime: "process" | "docker";
  readonly environment: Readonly<Record<string, string>>;
}

/** Runs a network of one organisation for the time of `run`. */
export async function withNetwork(
  { directory, runtime, environment }: NetworkForTestsOptions,
  run: (peer: NetworkForTests) => Promise<void>,
): Promise<void> {
  const network = await startDevelopmentNetwork({
    directory: join(directory, "network"),
    organizations: 1,
    channelId,
    firstPort: 0,
    chosen: { organizations: true, channelId: true, firstPort: true },
    runtime,
    environment: { ...Deno.env.toObject(), HOME: directory, ...environment },
    clock: systemClock,
    log: new LogWriter({
      write: () => {},
      clock: systemClock,
      spec: LogSpec.parse("error"),
      coloured: false,
    }),
  });
  const [organization] = network.running.organizations;
  const client = await networkClient(network.running, organization, systemClock);
  try {
    await run({
      network,
      async deploy(name, path) {
        const call = { name, version: "1.0", path, type, args: [] };
        await installPackage(client, await packageSources(call, silentLogger));
        const deployment = { channelId, policy: new Uint8Array(0), escc: "escc", vscc: "vscc" };
        await deployAndCommit(client, "deploy", { ...deployment, call: { ...call, path: "" } });
      },
      async query(name, ...args) {
        const call = { name, type, args: args.map(utf8) };
        return text(await queryChaincode(client, channelId, call));
      },
    });
  } finally {
    client.close();
    await network.stop();
  }
}

/** The data directory of the network's peer, which marks what is its own. */
export function peerDirectory(directory: string): string {
  return join(directory, "network", "peers", "peer0.org1.example.com");
}
