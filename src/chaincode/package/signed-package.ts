/**
 * Making signed packages: a deployment specification, an instantiation policy and the owners'
 * signatures. Mirrors core/common/ccpackage/ccpackage.go of Fabric 1.4.2.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import type { Clock } from "../../base/clock.ts";
import { concat } from "../../base/bytes.ts";
import { DenimError } from "../../base/errors.ts";
import {
  ChannelHeaderSchema,
  EnvelopeSchema,
  HeaderSchema,
  HeaderType,
  PayloadSchema,
} from "../../gen/common/common_pb.ts";
import { type Endorsement, EndorsementSchema } from "../../gen/peer/proposal_response_pb.ts";
import { SignedChaincodeDeploymentSpecSchema } from "../../gen/peer/signed_cc_dep_spec_pb.ts";
import type { SigningIdentity } from "../../msp/types.ts";
import { timestampFromMs } from "../../protocol/timestamp.ts";
import { openSignedPackage } from "./chaincode-package.ts";

export interface SignedPackageInput {
  /** Serialized ChaincodeDeploymentSpec; its bytes are what owners sign. */
  readonly deploymentSpec: Uint8Array;
  /** Serialized SignaturePolicyEnvelope. */
  readonly instantiationPolicy: Uint8Array;
  /** The first owner; undefined leaves the package unsigned. */
  readonly owner: SigningIdentity | undefined;
  readonly clock: Clock;
}

/** Envelope bytes of a new signed package. @throws DenimError `malformed-package` */
export function createSignedPackage(input: SignedPackageInput): Uint8Array {
  if (input.deploymentSpec.length === 0) throw refused("nil chaincode deployment spec");
  if (input.instantiationPolicy.length === 0) throw refused("nil instantiation policy");
  const endorsements = input.owner === undefined
    ? []
    : [signBy(input.owner, input.deploymentSpec, input.instantiationPolicy)];
  return wrap(input.deploymentSpec, input.instantiationPolicy, endorsements, input.clock);
}

/**
 * The package with one more owner's signature.
 *
 * @throws DenimError `malformed-package` (`invalid signed deployment spec` where nobody has signed yet)
 */
export function addSignature(
  packageBytes: Uint8Array,
  owner: SigningIdentity,
  clock: Clock,
): Uint8Array {
  const { chaincodeDeploymentSpec, instantiationPolicy, ownerEndorsements } = openSignedPackage(
    packageBytes,
  );
  if (
    chaincodeDeploymentSpec.length === 0 || instantiationPolicy.length === 0 ||
    ownerEndorsements.length === 0
  ) throw refused("invalid signed deployment spec");
  const signature = signBy(owner, chaincodeDeploymentSpec, instantiationPolicy);
  const endorsements = [...ownerEndorsements, signature];
  return wrap(chaincodeDeploymentSpec, instantiationPolicy, endorsements, clock);
}

function signBy(owner: SigningIdentity, deploymentSpec: Uint8Array, policy: Uint8Array) {
  const endorser = owner.serialized;
  const signature = owner.sign(concat(deploymentSpec, policy, endorser));
  return create(EndorsementSchema, { endorser, signature });
}

function wrap(
  chaincodeDeploymentSpec: Uint8Array,
  instantiationPolicy: Uint8Array,
  ownerEndorsements: Endorsement[],
  clock: Clock,
): Uint8Array {
  const data = toBinary(
    SignedChaincodeDeploymentSpecSchema,
    create(SignedChaincodeDeploymentSpecSchema, {
      chaincodeDeploymentSpec,
      instantiationPolicy,
      ownerEndorsements,
    }),
  );
  const wholeSeconds = Math.floor(clock.now() / 1000) * 1000;
  const channelHeader = toBinary(
    ChannelHeaderSchema,
    create(ChannelHeaderSchema, {
      type: HeaderType.CHAINCODE_PACKAGE,
      timestamp: timestampFromMs(wholeSeconds),
    }),
  );
  const header = create(HeaderSchema, { channelHeader });
  const payload = toBinary(PayloadSchema, create(PayloadSchema, { header, data }));
  return toBinary(EnvelopeSchema, create(EnvelopeSchema, { payload }));
}

function refused(message: string): DenimError {
  return new DenimError("malformed-package", message);
}
