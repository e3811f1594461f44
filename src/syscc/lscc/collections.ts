/** Collection definitions at instantiation. Mirrors checkCollectionMemberPolicy in core/scc/lscc/lscc.go. */
import { DenimError, messageOf } from "../../base/errors.ts";
import {
  type CollectionConfig,
  CollectionConfigPackageSchema,
} from "../../gen/common/collection_pb.ts";
import {
  type MSPPrincipal,
  MSPPrincipal_Classification,
  MSPRoleSchema,
  OrganizationUnitSchema,
} from "../../gen/msp/msp_principal_pb.ts";
import type { IdentityDeserializer } from "../../msp/types.ts";
import { decode, tryDecode } from "../../protocol/decode.ts";
import { refused } from "../response.ts";
import type { SignaturePolicyCompiler } from "./dependencies.ts";

/**
 * Checks a serialized CollectionConfigPackage.
 *
 * @throws DenimError `invalid-collections` with Fabric's text
 */
export function checkCollections(
  collections: Uint8Array,
  chaincode: { readonly name: string; readonly version: string },
  identities: IdentityDeserializer,
  compile: SignaturePolicyCompiler,
): void {
  const decoded = tryDecode(CollectionConfigPackageSchema, collections);
  if (decoded === undefined) {
    throw refused(
      "invalid-collections",
      `invalid collection configuration supplied for chaincode ${chaincode.name}:${chaincode.version}`,
    );
  }
  for (const config of decoded.config) {
    try {
      checkMemberPolicy(config, identities, compile);
    } catch (error) {
      throw new DenimError(
        "invalid-collections",
        `collection member policy check failed: ${messageOf(error)}`,
        {},
        undefined,
        { cause: error },
      );
    }
  }
}

function checkMemberPolicy(
  config: CollectionConfig,
  identities: IdentityDeserializer,
  compile: SignaturePolicyCompiler,
): void {
  const collection = config.payload.value;
  if (collection === undefined) throw invalid("collection configuration is empty");
  if (collection.memberOrgsPolicy === undefined) {
    throw invalid("collection member policy is not set");
  }
  const policy = collection.memberOrgsPolicy.payload.value;
  if (policy === undefined) throw invalid("collection member org policy is empty");
  for (const principal of policy.identities) checkPrincipal(collection.name, principal);
  try {
    compile(policy, identities);
  } catch (error) {
    throw new DenimError(
      "invalid-collections",
      `invalid member org policy for collection '${collection.name}': ${messageOf(error)}`,
      { collection: collection.name },
      undefined,
      { cause: error },
    );
  }
}

/** Only the kind of principal counts: organisations outside the channel are a warning in Fabric too. */
function checkPrincipal(collection: string, principal: MSPPrincipal): void {
  const kind = principal.principalClassification;
  if (kind === MSPPrincipal_Classification.IDENTITY) return;
  const schema = kind === MSPPrincipal_Classification.ROLE
    ? MSPRoleSchema
    : kind === MSPPrincipal_Classification.ORGANIZATION_UNIT
    ? OrganizationUnitSchema
    : undefined;
  if (schema === undefined) {
    const name = MSPPrincipal_Classification[kind] ?? kind;
    throw invalid(`collection-name: ${collection} -- principal type ${name} is not supported`);
  }
  try {
    decode(schema, principal.principal);
  } catch (error) {
    throw invalid(
      `collection-name: ${collection} -- cannot unmarshal identities: ${messageOf(error)}`,
    );
  }
}

function invalid(message: string): DenimError {
  return refused("invalid-collections", message);
}
