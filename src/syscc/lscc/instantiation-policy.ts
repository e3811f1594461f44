/** Who may instantiate. Mirrors core/scc/lscc/support.go of Fabric 1.4.2. */
import { DenimError, messageOf } from "../../base/errors.ts";
import type { Bundle } from "../../channel/types.ts";
import type { ChaincodePackage } from "../../chaincode/package/chaincode-package.ts";
import { SignaturePolicyEnvelopeSchema } from "../../gen/common/policies_pb.ts";
import type { SignedData } from "../../policy/types.ts";
import { decode } from "../../protocol/decode.ts";
import { anyAdminPolicy } from "./default-policies.ts";
import type { SignaturePolicyCompiler } from "./dependencies.ts";

/** The signed package's own policy, else any administrator of the channel's organisations. */
export function instantiationPolicyOf(installed: ChaincodePackage, bundle: Bundle): Uint8Array {
  return installed.instantiationPolicy ?? anyAdminPolicy(bundle);
}

/** @throws DenimError `instantiation-policy-violated`, `malformed-message`, the compiler's errors */
export function checkInstantiationPolicy(
  policy: Uint8Array,
  bundle: Bundle,
  proposer: SignedData,
  compile: SignaturePolicyCompiler,
): void {
  const compiled = compile(decode(SignaturePolicyEnvelopeSchema, policy), bundle.mspManager);
  try {
    compiled.evaluate([proposer]);
  } catch (error) {
    throw new DenimError(
      "instantiation-policy-violated",
      `instantiation policy violation: ${messageOf(error)}`,
      { channelId: bundle.channelId },
      "Instantiate and upgrade as an administrator that the chaincode's instantiation policy names.",
      { cause: error },
    );
  }
}
