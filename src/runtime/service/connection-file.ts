/**
 * connection.json in a package: how the chaincode is reached that runs as a service, as Fabric 2's
 * chaincode-as-a-service packages have it.
 */
import { text } from "../../base/bytes.ts";
import { DenimError, messageOf } from "../../base/errors.ts";
import { parseDuration } from "../../config/duration.ts";
import type { ChaincodeServiceSettings } from "../../config/types.ts";
import { defaultDialTimeoutMs } from "../../config/chaincode-services.ts";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import { importPathOf } from "../platforms/golang.ts";
import { readCodePackage } from "../platforms/code-package.ts";
import type { ChaincodeToRun } from "../types.ts";

/**
 * The settings of the package's connection.json, or undefined where it has none. Connection profiles
 * of clients, which often have the same name, do not count: they have no address.
 * @throws DenimError `invalid-connection-file`, `invalid-code-package`
 */
export function connectionFileOf(
  chaincode: Pick<ChaincodeToRun, "type" | "path" | "codePackage">,
): ChaincodeServiceSettings | undefined {
  const { type, path, codePackage } = chaincode;
  if (type === ChaincodeSpec_Type.CAR) return undefined;
  const folder = type === ChaincodeSpec_Type.GOLANG ? `src/${importPathOf(path)}` : "src";
  const entry = readCodePackage(codePackage)
    .find(({ name }) => name.replace(/^\//, "") === `${folder}/connection.json`);
  if (entry === undefined) return undefined;
  let file: unknown;
  try {
    file = JSON.parse(text(entry.content));
  } catch (error) {
    throw invalid(messageOf(error));
  }
  if (typeof file !== "object" || file === null || Reflect.get(file, "address") === undefined) {
    return undefined;
  }
  const field = (name: string): string => {
    const value: unknown = Reflect.get(file, name) ?? "";
    if (typeof value !== "string") throw invalid(`${name} must be a text`);
    return value;
  };
  const flag = (name: string): boolean => {
    const value: unknown = Reflect.get(file, name) ?? false;
    if (typeof value !== "boolean") throw invalid(`${name} must be true or false`);
    return value;
  };
  const address = field("address");
  if (!/^(\[[0-9a-fA-F:.]+\]|[^:\[\]\s]+):\d+$/.test(address)) {
    throw invalid(`address must be host:port, but is "${address}"`);
  }
  const timeout = field("dial_timeout");
  const dialTimeoutMs = timeout === "" ? defaultDialTimeoutMs : parseDuration(timeout);
  if (dialTimeoutMs === undefined) throw invalid(`dial_timeout is "${timeout}"`);
  if (!flag("tls_required")) return { address, dialTimeoutMs, tls: undefined };
  const mutual = flag("client_auth_required");
  const required = (name: string): string => {
    const value = field(name);
    if (value === "") throw invalid(`${name} is missing`);
    return value;
  };
  return {
    address,
    dialTimeoutMs,
    tls: {
      rootCertificate: required("root_cert"),
      clientCertificate: mutual ? required("client_cert") : "",
      clientKey: mutual ? required("client_key") : "",
      serverNameOverride: "",
    },
  };
}

function invalid(reason: string): DenimError {
  return new DenimError(
    "invalid-connection-file",
    `connection.json of the chaincode package cannot be used: ${reason}`,
    { reason },
    "Correct the file, and package the chaincode again.",
  );
}
