/** Chaincode archives made by chaintool. Mirrors core/chaincode/platforms/car. */
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import { readSource } from "./files.ts";
import { writeTar } from "./tar.ts";
import type { Platform } from "./types.ts";

/** The CAR platform: the file is the package, chaintool checks and builds it. */
export const car: Platform = {
  type: ChaincodeSpec_Type.CAR,
  name: "CAR",
  validatePath() {},
  validateCodePackage() {},
  package: (path) => ({ path, codePackage: readSource(path) }),
  metadata: () => writeTar([]),
  dockerfile: (settings) => `FROM ${settings.car.runtime}\nADD binpackage.tar /usr/local/bin`,
  builderJob: (_path, codePackage, settings) => ({
    image: settings.builder,
    command:
      "java -jar /usr/local/bin/chaintool buildcar /chaincode/input/codepackage.car -o /chaincode/output/chaincode",
    input: writeTar([{ name: "codepackage.car", content: codePackage }]),
  }),
  command: (peerAddress) => ["chaincode", `-peer.address=${peerAddress}`],
};
