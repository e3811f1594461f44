/** lscc deploy and upgrade. Mirrors executeDeployOrUpgrade in core/scc/lscc/lscc.go of Fabric 1.4.2. */
import { create, toBinary } from "@bufbuild/protobuf";
import { DenimError } from "../../base/errors.ts";
import type { Bundle } from "../../channel/types.ts";
import type { ChaincodePackage } from "../../chaincode/package/chaincode-package.ts";
import { type ChaincodeDeploymentSpec, LifecycleEventSchema } from "../../gen/peer/chaincode_pb.ts";
import {
  type ChaincodeData,
  decodeChaincodeData,
  encodeChaincodeData,
} from "../../protocol/chaincode-data.ts";
import { callerOf, refused } from "../response.ts";
import type { SystemChaincodeCall } from "../types.ts";
import { checkCollections } from "./collections.ts";
import type { LsccDependencies } from "./dependencies.ts";
import { checkInstantiationPolicy, instantiationPolicyOf } from "./instantiation-policy.ts";
import { checkedIdentity } from "./names.ts";
import { collectionKey, LsccState } from "./state.ts";

export interface Deployment {
  readonly spec: ChaincodeDeploymentSpec;
  readonly bundle: Bundle;
  /** Serialized SignaturePolicyEnvelope. */
  readonly policy: Uint8Array;
  readonly escc: string;
  readonly vscc: string;
  /** Serialized CollectionConfigPackage; undefined where the argument was not given. */
  readonly collections: Uint8Array | undefined;
}

/** Writes a new chaincode's definition. @returns the serialized ChaincodeData. @throws DenimError */
export function deploy(
  call: SystemChaincodeCall,
  deployment: Deployment,
  dependencies: LsccDependencies,
): Uint8Array {
  const { name, installed } = packageOf(deployment, dependencies);
  const state = new LsccState(call);
  if (exists(state, name)) {
    throw refused(
      "chaincode-exists",
      `chaincode with name '${name}' already exists`,
      "Use upgrade to change an instantiated chaincode.",
    );
  }
  const definition = define(deployment, installed);
  checkPolicy(definition.instantiationPolicy, call, deployment, dependencies);
  const bytes = encodeChaincodeData(definition);
  state.put(name, bytes);
  putCollections(state, definition, deployment, dependencies);
  return bytes;
}

/** Replaces a chaincode's definition. @returns the serialized ChaincodeData. @throws DenimError */
export function upgrade(
  call: SystemChaincodeCall,
  deployment: Deployment,
  dependencies: LsccDependencies,
): Uint8Array {
  const { name, version, installed } = packageOf(deployment, dependencies);
  const state = new LsccState(call);
  const current = currentDefinition(state, name);
  if (current.version === version) {
    throw refused(
      "identical-version",
      `version already exists for chaincode with name '${name}'`,
      "Upgrade to a version other than the instantiated one.",
    );
  }
  if (current.instantiationPolicy === undefined) {
    throw refused("no-instantiation-policy", "instantiation policy missing");
  }
  checkPolicy(current.instantiationPolicy, call, deployment, dependencies);
  const definition = define(deployment, installed);
  checkPolicy(definition.instantiationPolicy, call, deployment, dependencies);
  const bytes = encodeChaincodeData(definition);
  state.put(name, bytes);
  if (deployment.bundle.capabilities.collectionUpgrade) {
    putCollections(state, definition, deployment, dependencies);
  } else if (deployment.collections !== undefined) {
    throw refused(
      "collections-not-upgradable",
      "as V1_2 capability is not enabled, collection upgrades are not allowed",
    );
  }
  const event = create(LifecycleEventSchema, { chaincodeName: name });
  call.setEvent?.("upgrade", toBinary(LifecycleEventSchema, event));
  return bytes;
}

function packageOf({ spec }: Deployment, { packages }: LsccDependencies) {
  const { name, version } = checkedIdentity(spec);
  try {
    return { name, version, installed: packages.load(name, version) };
  } catch (error) {
    throw new DenimError(
      "package-not-installed",
      `cannot get package for chaincode (${name}:${version})`,
      { name, version },
      `Install chaincode ${name} version ${version} on this peer first.`,
      { cause: error },
    );
  }
}

/** A state that cannot be read counts as absent here; the write that follows will tell. */
function exists(state: LsccState, name: string): boolean {
  try {
    return state.get(name) !== undefined;
  } catch {
    return false;
  }
}

function currentDefinition(state: LsccState, name: string): ChaincodeData {
  const bytes = exists(state, name) ? state.get(name) : undefined;
  if (bytes === undefined) {
    throw refused("chaincode-not-found", `could not find chaincode with name '${name}'`);
  }
  return definitionFrom(name, bytes);
}

/** ChaincodeData of lscc's state. @throws DenimError with the texts of getChaincodeData */
export function definitionFrom(name: string, bytes: Uint8Array): ChaincodeData {
  let definition: ChaincodeData;
  try {
    definition = decodeChaincodeData(bytes);
  } catch (error) {
    throw new DenimError("bad-chaincode-data", `error while marshalling: ${name}`, { name }, "", {
      cause: error,
    });
  }
  if (definition.name !== name) {
    throw refused(
      "chaincode-name-mismatch",
      `chaincode name mismatch: ${name}!=${definition.name}`,
    );
  }
  return definition;
}

function define(deployment: Deployment, installed: ChaincodePackage) {
  return {
    name: installed.name,
    version: installed.version,
    escc: deployment.escc,
    vscc: deployment.vscc,
    policy: deployment.policy,
    data: installed.data,
    id: installed.id,
    instantiationPolicy: instantiationPolicyOf(installed, deployment.bundle),
  };
}

function checkPolicy(
  policy: Uint8Array,
  call: SystemChaincodeCall,
  { bundle }: Deployment,
  { compilePolicy }: LsccDependencies,
): void {
  checkInstantiationPolicy(policy, bundle, callerOf(call), compilePolicy);
}

function putCollections(
  state: LsccState,
  definition: { readonly name: string; readonly version: string },
  { collections, bundle }: Deployment,
  { compilePolicy }: LsccDependencies,
): void {
  if (collections === undefined || collections.length === 0) return;
  checkCollections(collections, definition, bundle.mspManager, compilePolicy);
  state.put(collectionKey(definition.name), collections);
}
