/** Access to what belongs to no channel. Mirrors core/policy CheckPolicyNoChannel and msp/mgmt/principal.go. */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  type MSPPrincipal,
  MSPPrincipal_Classification,
  MSPPrincipalSchema,
  MSPRole_MSPRoleType,
  MSPRoleSchema,
} from "../gen/msp/msp_principal_pb.ts";
import type { Msp } from "../msp/types.ts";
import type { SignedData } from "../policy/types.ts";
import type { LocalMspPolicy } from "./acl-resources.ts";
import { channelError, within } from "./channel-error.ts";

/**
 * The signer must be an admin (or member) of this peer's own organisation.
 * @throws DenimError `access-denied` with Fabric's reason, to be wrapped by who asks
 */
export function checkLocalMspPolicy(localMsp: Msp, policy: string, signed: SignedData): void {
  const code = "access-denied";
  const during = `during channelless check policy with policy [${policy}]`;
  if (policy === "") {
    throw channelError(
      code,
      "Invalid policy name during channelless check policy. Name must be different from nil.",
    );
  }
  const identity = bracketed(
    `Failed deserializing proposal creator ${during}`,
    () => localMsp.deserializeIdentity(signed.identity),
  );
  const principal = bracketed(
    `Failed getting local MSP principal ${during}`,
    () => principalOf(localMsp.mspId, policy),
  );
  bracketed(
    `Failed verifying that proposal's creator satisfies local MSP principal ${during}`,
    () => identity.satisfiesPrincipal(principal),
  );
  if (!identity.verify(signed.data, signed.signature)) {
    throw channelError(code, "The signature is invalid", { mspId: identity.mspId });
  }
}

function principalOf(mspIdentifier: string, policy: string): MSPPrincipal {
  const roles: Record<LocalMspPolicy, MSPRole_MSPRoleType> = {
    Admins: MSPRole_MSPRoleType.ADMIN,
    Members: MSPRole_MSPRoleType.MEMBER,
  };
  if (policy !== "Admins" && policy !== "Members") {
    throw channelError("access-denied", `MSP Principal role [${policy}] not recognized`);
  }
  return create(MSPPrincipalSchema, {
    principalClassification: MSPPrincipal_Classification.ROLE,
    principal: toBinary(
      MSPRoleSchema,
      create(MSPRoleSchema, { role: roles[policy], mspIdentifier }),
    ),
  });
}

/** Fabric prints these reasons in brackets. */
function bracketed<T>(context: string, step: () => T): T {
  try {
    return step();
  } catch (cause) {
    return within("access-denied", "", () => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw Object.assign(channelError("access-denied", `${context}: [${reason}]`), { cause });
    });
  }
}
