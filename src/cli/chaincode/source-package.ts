/** A deployment specification with code, from the sources that `-p` names. */
import { toBinary } from "@bufbuild/protobuf";
import type { Logger } from "../../base/logger.ts";
import { type ChaincodeCall, deploymentSpec } from "../../client/lifecycle.ts";
import {
  ChaincodeDeploymentSpecSchema,
  type ChaincodeSpec_Type,
} from "../../gen/peer/chaincode_pb.ts";
import { during } from "./failures.ts";

/** Serialized ChaincodeDeploymentSpec. @throws DenimError naming what is wrong with the sources */
export async function packageSources(call: ChaincodeCall, logger: Logger): Promise<Uint8Array> {
  const { platformOf, sourceEnvironment } = await import("../../runtime/platforms/platforms.ts");
  const platform = platformOf(call.type as ChaincodeSpec_Type);
  const environment = sourceEnvironment((message) => logger.warn(message));
  const packaged = await during(
    `error getting chaincode code ${call.name}`,
    Promise.resolve().then(() => {
      platform.validatePath(call.path ?? "", environment);
      return platform.package(call.path ?? "", environment);
    }),
  );
  return toBinary(
    ChaincodeDeploymentSpecSchema,
    deploymentSpec({ ...call, path: packaged.path }, packaged.codePackage),
  );
}
