/** The fabric-gateway SDK of the tests: the newest version that runs under Node 20. */
import type { NodePackages } from "./node-packages.ts";

export const gatewaySdk: NodePackages = {
  dependencies: {
    "@grpc/grpc-js": "1.14.0",
    "@hyperledger/fabric-gateway": "1.11.0",
    "@hyperledger/fabric-protos": "0.3.7",
  },
};
