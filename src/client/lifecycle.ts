/** What lscc, cscc and qscc are asked, as invocations. Mirrors protos/utils/proputils.go. */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  type ChaincodeDeploymentSpec,
  ChaincodeDeploymentSpecSchema,
  ChaincodeIDSchema,
  ChaincodeInputSchema,
  type ChaincodeInvocationSpec,
  ChaincodeInvocationSpecSchema,
  ChaincodeSpec_Type,
  ChaincodeSpecSchema,
} from "../gen/peer/chaincode_pb.ts";
import { invocationOf } from "../protocol/proposal.ts";

/** The chaincode a user names, with the call's arguments. */
export interface ChaincodeCall {
  readonly name: string;
  readonly version?: string;
  readonly path?: string;
  readonly type?: ChaincodeSpec_Type;
  readonly args: readonly Uint8Array[];
}

function specOf(call: ChaincodeCall) {
  return create(ChaincodeSpecSchema, {
    type: call.type ?? ChaincodeSpec_Type.GOLANG,
    chaincodeId: create(ChaincodeIDSchema, {
      name: call.name,
      version: call.version ?? "",
      path: call.path ?? "",
    }),
    input: create(ChaincodeInputSchema, { args: [...call.args] }),
  });
}

/** A call of a user's chaincode. */
export function chaincodeInvocation(call: ChaincodeCall): ChaincodeInvocationSpec {
  return create(ChaincodeInvocationSpecSchema, { chaincodeSpec: specOf(call) });
}

/** A deployment specification; without code it names what to deploy, with code it is a package. */
export function deploymentSpec(
  call: ChaincodeCall,
  codePackage: Uint8Array = new Uint8Array(0),
): ChaincodeDeploymentSpec {
  return create(ChaincodeDeploymentSpecSchema, { chaincodeSpec: specOf(call), codePackage });
}

/** @param packageBytes ChaincodeDeploymentSpec or signed package Envelope, as it is to be stored */
export function installInvocation(packageBytes: Uint8Array): ChaincodeInvocationSpec {
  return invocationOf("lscc", ["install", packageBytes]);
}

export interface Deployment {
  readonly channelId: string;
  readonly call: ChaincodeCall;
  /** Serialized SignaturePolicyEnvelope; empty lets the peer choose its default. */
  readonly policy: Uint8Array;
  readonly escc: string;
  readonly vscc: string;
  /** Serialized CollectionConfigPackage. */
  readonly collections?: Uint8Array;
}

/** Instantiation or upgrade. */
export function deployInvocation(
  kind: "deploy" | "upgrade",
  deployment: Deployment,
): ChaincodeInvocationSpec {
  const { channelId, call, policy, escc, vscc, collections } = deployment;
  return invocationOf("lscc", [
    kind,
    channelId,
    toBinary(ChaincodeDeploymentSpecSchema, deploymentSpec(call)),
    policy,
    escc,
    vscc,
    ...(collections ? [collections] : []),
  ]);
}
