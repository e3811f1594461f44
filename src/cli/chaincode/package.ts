/** `chaincode package`. Mirrors peer/chaincode/package.go. */
import { toBinary } from "@bufbuild/protobuf";
import { DenimError, messageOf } from "../../base/errors.ts";
import { systemErrorReason } from "../../base/system-error.ts";
import { createSignedPackage } from "../../chaincode/package/signed-package.ts";
import { SignaturePolicyEnvelopeSchema } from "../../gen/common/policies_pb.ts";
import { parsePolicy } from "../../policy/parse-policy.ts";
import type { CommandHandler } from "../command.ts";
import { UsageError } from "../flags.ts";
import { openSession } from "../session.ts";
import { chaincodeCall, tellPlugins } from "./call.ts";
import { packageSources } from "./source-package.ts";

/** Fabric writes packages so. */
const packageFileMode = 0o700;

export const packageChaincode: CommandHandler = async (invocation) => {
  const { args, flags } = invocation;
  if (args.length !== 1) {
    throw new UsageError(
      "usage",
      "output file not specified or invalid number of args (filename should be the only arg)",
    );
  }
  const call = chaincodeCall(invocation, { version: "package", emptyArguments: true });
  const session = await openSession(invocation, "chaincodeCmd");
  try {
    tellPlugins(flags, session.logger);
    const deploymentSpec = await packageSources(call, session.logger);
    const { signer, clock, config } = session.client;
    const bytes = flags.boolean("cc-package")
      ? createSignedPackage({
        deploymentSpec,
        instantiationPolicy: instantiationPolicy(
          flags.string("instantiate-policy"),
          config.raw.string("peer.localMspId"),
        ),
        owner: flags.boolean("sign") ? signer : undefined,
        clock,
      })
      : deploymentSpec;
    await writePackage(args[0], bytes);
  } finally {
    session.close();
  }
};

/** Writes a package file. @throws DenimError `unwritable-file` */
export async function writePackage(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await Deno.writeFile(path, bytes, { mode: packageFileMode });
  } catch (error) {
    throw new DenimError(
      "unwritable-file",
      `failed writing deployment spec to file [${path}]: [${systemErrorReason(error)}]`,
      { path },
      "name a file in a directory that can be written",
    );
  }
}

/** Who may instantiate; the administrators of the packager's organisation unless said otherwise. */
function instantiationPolicy(expression: string, mspId: string): Uint8Array {
  const policy = expression || `AND('${mspId}.admin')`;
  try {
    return toBinary(SignaturePolicyEnvelopeSchema, parsePolicy(policy));
  } catch (error) {
    throw new DenimError(
      "invalid-policy",
      `Invalid policy ${policy}, err ${messageOf(error)}`,
      { policy },
    );
  }
}
