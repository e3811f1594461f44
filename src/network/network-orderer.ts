/** The orderer of a development network: the embedded one behind its own TLS listener. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import type { Clock } from "../base/clock.ts";
import type { LogWriter } from "../base/log-writer.ts";
import type { EcdsaProvider } from "../crypto/types.ts";
import { BlockSchema } from "../gen/common/common_pb.ts";
import { loadSigningIdentity } from "../msp/signing-identity.ts";
import { createOrderer } from "../orderer/orderer.ts";
import { createRpcServer } from "../rpc/server.ts";
import { type NetworkLayout, ordererMspId } from "./layout.ts";

/** How long calls may go on once the network is told to stop. */
const shutdownGraceMs = 1_000;

export interface NetworkOrdererOptions {
  readonly layout: NetworkLayout;
  readonly ecdsa: EcdsaProvider;
  readonly clock: Clock;
  readonly log: LogWriter;
}

/** Starts to order. @throws DenimError for a port in use or a damaged data directory */
export async function startOrderer(
  { layout, ecdsa, clock, log }: NetworkOrdererOptions,
): Promise<{ close(): Promise<void> }> {
  const { orderer: files, genesisBlockFile } = layout;
  const [genesis, certificate, key] = await Promise.all([
    readFile(genesisBlockFile),
    readFile(join(files.tlsPath, "server.crt"), "utf8"),
    readFile(join(files.tlsPath, "server.key"), "utf8"),
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
      systemChannelGenesis: fromBinary(BlockSchema, genesis),
      provider: ecdsa,
      clock,
      logger: log.logger("orderer"),
      cutWhenIdle: true,
    });
    orderer.register(server, { mutualTls: false });
    return {
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
