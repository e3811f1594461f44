/** An installed package as runtimes take it. */
import { type ChaincodeDeploymentSpec, ChaincodeSpec_Type } from "../gen/peer/chaincode_pb.ts";
import type { ChaincodeToRun } from "./types.ts";

export interface RunnablePackage {
  readonly name: string;
  readonly version: string;
  readonly path: string;
  readonly id: Uint8Array;
  readonly deploymentSpec: ChaincodeDeploymentSpec;
}

export function chaincodeToRun(
  { name, version, path, id, deploymentSpec }: RunnablePackage,
): ChaincodeToRun {
  return {
    name,
    version,
    type: deploymentSpec.chaincodeSpec?.type ?? ChaincodeSpec_Type.UNDEFINED,
    path,
    codePackage: deploymentSpec.codePackage,
    packageId: id,
  };
}
