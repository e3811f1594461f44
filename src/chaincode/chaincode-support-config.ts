/** Settings of chaincode execution: core.yaml's `chaincode` section and what the peer adds. */

export interface ChaincodeSupportConfig {
  /** `chaincode.startuptimeout`: from launch to READY. */
  readonly startupTimeoutMs: number;
  /** `chaincode.executetimeout`: one execution, nested ones included. */
  readonly executeTimeoutMs: number;
  /** `chaincode.keepalive`; 0 = off. */
  readonly keepaliveMs: number;
  /** `ledger.state.totalQueryLimit`: rows one query may return. */
  readonly totalQueryLimit: number;
  /** host:port that chaincode dials. */
  readonly peerAddress: string;
  /** `peer.tls.enabled`: chaincode must show the certificate it was issued. */
  readonly tlsEnabled: boolean;
  /** `chaincode.mode: dev`: the user starts chaincode, which may register without a launch. */
  readonly userRunsChaincode: boolean;
  /** Common environment of chaincode: CORE_CHAINCODE_LOGGING_LEVEL, …_SHIM, …_FORMAT. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Fabric's defaults (sampleconfig/core.yaml). */
export const defaultChaincodeSupportConfig = {
  startupTimeoutMs: 300_000,
  executeTimeoutMs: 30_000,
  keepaliveMs: 0,
  totalQueryLimit: 100_000,
  tlsEnabled: true,
  userRunsChaincode: false,
  environment: {},
} as const;
