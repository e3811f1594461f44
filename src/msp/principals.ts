/** Does a member satisfy a principal? Mirrors the SatisfiesPrincipal functions of msp/mspimpl.go. */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { equal } from "../base/bytes.ts";
import {
  CombinedPrincipalSchema,
  MSPIdentityAnonymity_MSPIdentityAnonymityType as Anonymity,
  MSPIdentityAnonymitySchema,
  type MSPPrincipal,
  MSPPrincipal_Classification as Classification,
  MSPRole_MSPRoleType as Role,
  MSPRoleSchema,
  OrganizationUnitSchema,
} from "../gen/msp/msp_principal_pb.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";
import { mspError, within } from "./msp-error.ts";
import type { NodeRole } from "./node-ous.ts";
import type { NodeOus } from "./ou-rules.ts";
import type { MspVersion } from "./version.ts";
import type { X509Identity } from "./x509-identity.ts";

/** Nested combined principals deeper than this are refused; Fabric has no limit but its stack. */
const maxCombinedDepth = 100;

/** ORDERER (4) was added to MSPRole after 1.4.2. */
const ordererRole = 4;

/** What the rules need of the MSP. */
export interface PrincipalContext {
  readonly mspId: string;
  readonly version: MspVersion;
  readonly ouEnforcement: boolean;
  readonly nodeOus: NodeOus;
  validate(identity: X509Identity): void;
  isAdminCertificate(identity: X509Identity): boolean;
  deserializeIdentity(serialized: Uint8Array): X509Identity;
}

function refuse(message: string): never {
  throw mspError("principal-not-satisfied", message);
}

function decode<D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> {
  const name = schema.name;
  return within(
    "principal-not-satisfied",
    `could not unmarshal ${name} from principal`,
    () => decodeAsGo(schema, bytes),
  );
}

function flatten(principal: MSPPrincipal, version: MspVersion, depth = 0): MSPPrincipal[] {
  if (principal.principalClassification !== Classification.COMBINED) return [principal];
  if (version === "v1_0" || version === "v1_1") {
    refuse(`invalid principal type ${principal.principalClassification}`);
  }
  if (depth >= maxCombinedDepth) refuse("CombinedPrincipal is nested too deeply");
  const { principals } = decode(CombinedPrincipalSchema, principal.principal);
  if (principals.length === 0) refuse("No principals in CombinedPrincipal");
  return principals.flatMap((one) => flatten(one, version, depth + 1));
}

/** @throws DenimError `principal-not-satisfied` with Fabric's reason */
export function checkPrincipal(
  identity: X509Identity,
  principal: MSPPrincipal,
  msp: PrincipalContext,
): void {
  for (const one of flatten(principal, msp.version)) checkSimple(identity, one, msp);
}

function checkSimple(identity: X509Identity, principal: MSPPrincipal, msp: PrincipalContext): void {
  const knowsAnonymity = msp.version === "v1_3" || msp.version === "v1_4_3";
  switch (principal.principalClassification) {
    case Classification.ROLE:
      return checkRole(identity, principal, msp);
    case Classification.IDENTITY: {
      const wanted = within(
        "principal-not-satisfied",
        "invalid identity principal, not a certificate",
        () => msp.deserializeIdentity(principal.principal),
      );
      if (!equal(wanted.certificate, identity.certificate)) refuse("The identities do not match");
      return wanted.validate();
    }
    case Classification.ORGANIZATION_UNIT: {
      const unit = decode(OrganizationUnitSchema, principal.principal);
      checkSameMsp(unit.mspIdentifier, identity, msp);
      msp.validate(identity);
      const found = identity.organizationalUnits.some((one) =>
        one.name === unit.organizationalUnitIdentifier &&
        equal(one.certifiersIdentifier, unit.certifiersIdentifier)
      );
      return found ? undefined : refuse("The identities do not match");
    }
    case Classification.ANONYMITY:
      if (knowsAnonymity) {
        const { anonymityType } = decode(MSPIdentityAnonymitySchema, principal.principal);
        if (anonymityType === Anonymity.NOMINAL) return;
        return refuse(
          anonymityType === Anonymity.ANONYMOUS
            ? "Principal is anonymous, but X.509 MSP does not support anonymous identities"
            : `Unknown principal anonymity type: ${anonymityType}`,
        );
      }
  }
  refuse(`invalid principal type ${principal.principalClassification}`);
}

function checkSameMsp(wanted: string, identity: X509Identity, msp: PrincipalContext): void {
  if (wanted !== msp.mspId) {
    refuse(
      `the identity is a member of a different MSP (expected ${wanted}, got ${identity.mspId})`,
    );
  }
}

function checkRole(identity: X509Identity, principal: MSPPrincipal, msp: PrincipalContext): void {
  const { mspIdentifier, role } = decode(MSPRoleSchema, principal.principal);
  checkSameMsp(mspIdentifier, identity, msp);
  const byOu = msp.version === "v1_4_3" && msp.ouEnforcement;
  switch (Number(role)) {
    case Role.MEMBER:
      return msp.validate(identity);
    case Role.ADMIN:
      if (msp.isAdminCertificate(identity)) return;
      return byOu ? checkNodeRole(identity, "admin", msp) : refuse("This identity is not an admin");
    case Role.CLIENT:
      return checkNodeRole(identity, "client", msp);
    case Role.PEER:
      return checkNodeRole(identity, "peer", msp);
    case ordererRole:
      if (byOu) return checkNodeRole(identity, "orderer", msp);
  }
  refuse(`invalid MSP role type ${role}`);
}

/** Valid, and carries the organizational unit of `role`. @throws DenimError `principal-not-satisfied` */
export function checkNodeRole(identity: X509Identity, role: NodeRole, msp: PrincipalContext): void {
  const { mspId } = msp;
  const name = role.toUpperCase();
  within(
    "principal-not-satisfied",
    `The identity is not valid under this MSP [${mspId}]`,
    () => msp.validate(identity),
  );
  within(
    "principal-not-satisfied",
    `The identity is not a [${name}] under this MSP [${mspId}]`,
    () => checkHasNodeOu(identity, role, msp),
  );
}

/** Carries the organizational unit of `role`; nothing else is checked. @throws DenimError */
export function checkHasNodeOu(
  identity: X509Identity,
  role: NodeRole,
  msp: Pick<PrincipalContext, "mspId" | "ouEnforcement" | "nodeOus">,
): void {
  const name = role.toUpperCase();
  if (!msp.ouEnforcement) refuse("NodeOUs not activated. Cannot tell apart identities.");
  const nodeOu = msp.nodeOus.get(role);
  if (!nodeOu) {
    return refuse(
      `cannot test for classification, node ou for type [${name}], not defined, msp: [${msp.mspId}]`,
    );
  }
  if (!identity.organizationalUnits.some((one) => one.name === nodeOu.name)) {
    refuse(`The identity does not contain OU [${name}], MSP: [${msp.mspId}]`);
  }
}
