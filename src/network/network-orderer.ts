/** The orderer of a development network: the embedded one behind its own TLS listener. */
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import type { LogWriter } from "../base/log-writer.ts";
import type { EcdsaProvider } from "../crypto/types.ts";
import { BlockSchema } from "../gen/common/common_pb.ts";
import { loadSigningIdentity } from "../msp/signing-identity.ts";
import { createOrderer } from "../orderer/orderer.ts";
import { createRpcServer } from "../rpc/server.ts";
import { readArtifact, readPem } from "./check-network.ts";
import { type NetworkLayout, ordererMspId } from "./layout.ts";

/** How long calls may go on once the network is told to stop. */
const shutdownGraceMs = 1_000;

export interface NetworkOrdererOptions {
  readonly layout: NetworkLayout;
  readonly ecdsa: EcdsaProvider;
  readonly clock: Clock;
  readonly log: LogWriter;
}

export interface NetworkOrderer {
  /** Number of blocks; 0 for a channel that does not exist. */
  height(channelId: string): number;
  close(): Promise<void>;
}

/** Starts to order. @throws DenimError for a port in use or a damaged data directory */
export async function startOrderer(
  { layout, ecdsa, clock, log }: NetworkOrdererOptions,
): Promise<NetworkOrderer> {
  const { orderer: files, genesisBlockFile } = layout;
  const [systemChannelGenesis, certificate, key] = await Promise.all([
    readArtifact(layout, BlockSchema, genesisBlockFile),
    readPem(layout, join(files.tlsPath, "server.crt")),
    readPem(layout, join(files.tlsPath, "server.key")),
  ]);
  const server = await createRpcServer({
    listen: files.listenAddress,
    tls: { certificate, key },
    logger: log.logger("orderer.comm"),
  });
  try {
    const orderer = createOrderer({
      dataDirectory: files.dataPath,
      signer: loadSigningIdentity(files.mspPath, ordererMspId, ecdsa),
      systemChannelGenesis,
      provider: ecdsa,
      clock,
      logger: log.logger("orderer"),
      cutWhenIdle: true,
    });
    orderer.register(server, { mutualTls: false });
    return {
      height: (channelId) => orderer.height(channelId),
      close: async () => {
        orderer.close();
        await server.close(shutdownGraceMs);
      },
    };
  } catch (error) {
    await server.close(0);
    throw error;
  }
}
