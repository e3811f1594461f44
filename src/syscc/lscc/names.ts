/** Which names and versions chaincode may have. Mirrors core/scc/lscc/lscc.go of Fabric 1.4.2. */
import type { ChaincodeDeploymentSpec } from "../../gen/peer/chaincode_pb.ts";
import { refused } from "../response.ts";

const chaincodeName = /^[a-zA-Z0-9]+([-_][a-zA-Z0-9]+)*$/;
const chaincodeVersion = /^[A-Za-z0-9_.+-]+$/;

/** @throws DenimError `invalid-chaincode-name` with Fabric's text */
export function checkChaincodeName(name: string): void {
  if (chaincodeName.test(name)) return;
  throw refused(
    "invalid-chaincode-name",
    `invalid chaincode name '${name}'. Names must start with an alphanumeric character and can only consist of alphanumerics, '_', and '-'`,
  );
}

/** @throws DenimError `invalid-chaincode-version` with Fabric's text */
export function checkChaincodeVersion(version: string): void {
  if (chaincodeVersion.test(version)) return;
  throw refused(
    "invalid-chaincode-version",
    `invalid chaincode version '${version}'. Versions must not be empty and can only consist of alphanumerics, '_',  '-', '+', and '.'`,
  );
}

/**
 * Name and version in a deployment specification, both valid.
 *
 * @throws DenimError `invalid-deployment-spec` (Fabric crashes there), `invalid-chaincode-name`,
 *   `invalid-chaincode-version`
 */
export function checkedIdentity(spec: ChaincodeDeploymentSpec): { name: string; version: string } {
  const id = spec.chaincodeSpec?.chaincodeId;
  if (id === undefined) {
    throw refused("invalid-deployment-spec", "invalid deployment spec: no chaincode id");
  }
  checkChaincodeName(id.name);
  checkChaincodeVersion(id.version);
  return { name: id.name, version: id.version };
}
