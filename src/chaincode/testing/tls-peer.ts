/** A PeerFixture behind a real chaincode listener with mutual TLS. */
import { silentLogger } from "../../base/logger.ts";
import {
  type CertificateAuthority,
  createCertificateAuthority,
} from "../../crypto/certificate-authority.ts";
import { ChaincodeSupport } from "../../gen/peer/chaincode_shim_pb.ts";
import { createRpcServer } from "../../rpc/server.ts";
import type { ChaincodeRuntime } from "../../runtime/types.ts";
import { PeerFixture } from "./peer-fixture.ts";

export interface TlsPeer {
  readonly peer: PeerFixture;
  readonly ca: CertificateAuthority;
  readonly address: string;
  close(): Promise<void>;
}

export async function startTlsPeer(runtime?: ChaincodeRuntime): Promise<TlsPeer> {
  const ca = await createCertificateAuthority();
  const { certPem, keyPem } = await ca.newServerKeyPair(["localhost", "127.0.0.1"]);
  const server = await createRpcServer({
    listen: "127.0.0.1:0",
    tls: {
      certificate: certPem,
      key: keyPem,
      clientRootCertificates: [ca.certificatePem],
    },
    logger: silentLogger,
  });
  const peer = new PeerFixture({
    config: {
      tlsEnabled: true,
      peerAddress: server.address,
      startupTimeoutMs: 60_000,
      executeTimeoutMs: 10_000,
    },
    overrides: {
      certificateAuthority: ca,
      ...(runtime === undefined ? {} : { runtimeFor: () => runtime }),
    },
  });
  server.register(ChaincodeSupport, peer.host.service);
  return {
    peer,
    ca,
    address: server.address,
    close: async () => {
      await peer.host.close();
      await runtime?.close();
      await server.close(0);
    },
  };
}
