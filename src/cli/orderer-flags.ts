/** The ordering-service flags that `chaincode` and `channel` share (peer/common/ordererenv.go). */
import type { Flag } from "./flags.ts";

export const ordererFlags: readonly Flag[] = [
  { name: "orderer", short: "o", kind: "string", help: "Ordering service endpoint" },
  {
    name: "tls",
    kind: "boolean",
    help: "Use TLS when communicating with the orderer endpoint",
  },
  {
    name: "clientauth",
    kind: "boolean",
    help: "Use mutual TLS when communicating with the orderer endpoint",
  },
  {
    name: "cafile",
    kind: "string",
    help: "Path to file containing PEM-encoded trusted certificate(s) for the ordering endpoint",
  },
  {
    name: "keyfile",
    kind: "string",
    help: "Path to file containing PEM-encoded private key to use for mutual TLS communication " +
      "with the orderer endpoint",
  },
  {
    name: "certfile",
    kind: "string",
    help: "Path to file containing PEM-encoded X509 public key to use for mutual TLS " +
      "communication with the orderer endpoint",
  },
  {
    name: "ordererTLSHostnameOverride",
    kind: "string",
    help: "The hostname override to use when validating the TLS connection to the orderer.",
  },
  {
    name: "connTimeout",
    kind: "duration",
    default: "3s",
    help: "Timeout for client to connect",
  },
];
