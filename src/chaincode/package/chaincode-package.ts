/**
 * Chaincode packages as values: what install takes and what lies on disk. Either a bare
 * ChaincodeDeploymentSpec or an Envelope with a SignedChaincodeDeploymentSpec.
 * Mirrors core/common/ccprovider (ccprovider.go, cdspackage.go, sigcdspackage.go) of Fabric 1.4.2.
 */
import { DenimError } from "../../base/errors.ts";
import { equal } from "../../base/bytes.ts";
import { sha256 } from "../../crypto/hash.ts";
import {
  ChannelHeaderSchema,
  EnvelopeSchema,
  HeaderType,
  PayloadSchema,
} from "../../gen/common/common_pb.ts";
import {
  type ChaincodeDeploymentSpec,
  ChaincodeDeploymentSpecSchema,
} from "../../gen/peer/chaincode_pb.ts";
import {
  type SignedChaincodeDeploymentSpec,
  SignedChaincodeDeploymentSpecSchema,
} from "../../gen/peer/signed_cc_dep_spec_pb.ts";
import {
  decodeSignedCdsData,
  encodeCdsData,
  encodeSignedCdsData,
} from "../../protocol/chaincode-data.ts";
import { decode } from "../../protocol/decode.ts";
import type { InstalledPackage } from "../types.ts";

/** A package that was read and found sound. */
export interface ChaincodePackage extends InstalledPackage {
  /** Serialized CDSData or SignedCDSData: what ChaincodeData.data holds. */
  readonly data: Uint8Array;
  /** Hash of instantiation policy and owners; only of signed packages. */
  readonly signatureHash: Uint8Array | undefined;
  /** The signed specification with its owners' endorsements; only of signed packages. */
  readonly signedSpec: SignedChaincodeDeploymentSpec | undefined;
}

/**
 * Reads a package of either form.
 *
 * @throws DenimError `malformed-package` with Fabric's text
 */
export function parsePackage(packageBytes: Uint8Array): ChaincodePackage {
  // A signed package is asked first: where Fabric finds both readings possible, it takes this one.
  const signed = attempt(() => parseSignedPackage(packageBytes));
  if (!(signed instanceof DenimError)) return signed;
  const unsigned = attempt(() => parseDeploymentSpec(packageBytes));
  if (!(unsigned instanceof DenimError)) return unsigned;
  throw new DenimError(
    "malformed-package",
    "could not unmarshal chaincode package to CDS or SignedCDS",
    { asSigned: signed.message, asUnsigned: unsigned.message, length: packageBytes.length },
    "Make the package with `denim chaincode package`, or pass the file it wrote.",
  );
}

function attempt<T>(read: () => T): T | DenimError {
  try {
    return read();
  } catch (error) {
    if (error instanceof DenimError) return error;
    throw error;
  }
}

/** Reads a bare ChaincodeDeploymentSpec. @throws DenimError `malformed-package` */
export function parseDeploymentSpec(packageBytes: Uint8Array): ChaincodePackage {
  const deploymentSpec = decode(ChaincodeDeploymentSpecSchema, packageBytes);
  const identity = identityOf(deploymentSpec);
  const codeHash = sha256(deploymentSpec.codePackage);
  return {
    ...identity,
    packageBytes,
    deploymentSpec,
    deploymentSpecBytes: packageBytes,
    codeHash,
    metadataHash: identity.metadataHash,
    id: sha256(codeHash, identity.metadataHash),
    data: encodeCdsData({ codeHash, metadataHash: identity.metadataHash }),
    signed: false,
    signatureHash: undefined,
    signedSpec: undefined,
    instantiationPolicy: undefined,
  };
}

/** Reads an Envelope of type CHAINCODE_PACKAGE. @throws DenimError `malformed-package` */
export function parseSignedPackage(packageBytes: Uint8Array): ChaincodePackage {
  const signedSpec = openSignedPackage(packageBytes);
  const deploymentSpec = decode(
    ChaincodeDeploymentSpecSchema,
    signedSpec.chaincodeDeploymentSpec,
  );
  const identity = identityOf(deploymentSpec);
  if (signedSpec.instantiationPolicy.length === 0) {
    throw malformed(
      `instantiation policy cannot be nil for chaincode (${identity.name}:${identity.version})`,
    );
  }
  const codeHash = sha256(deploymentSpec.codePackage);
  const { metadataHash } = identity;
  const owners = signedSpec.ownerEndorsements.map((endorsement) => endorsement.endorser);
  const signatureHash = sha256(signedSpec.instantiationPolicy, ...owners);
  return {
    ...identity,
    packageBytes,
    deploymentSpec,
    deploymentSpecBytes: signedSpec.chaincodeDeploymentSpec,
    codeHash,
    id: sha256(codeHash, metadataHash, signatureHash),
    data: encodeSignedCdsData({ codeHash, metadataHash, signatureHash }),
    signed: true,
    signatureHash,
    signedSpec,
    instantiationPolicy: signedSpec.instantiationPolicy,
  };
}

/** The specification inside a signed package's Envelope. @throws DenimError `malformed-package` */
export function openSignedPackage(envelopeBytes: Uint8Array): SignedChaincodeDeploymentSpec {
  const envelope = decode(EnvelopeSchema, envelopeBytes);
  const payload = decode(PayloadSchema, envelope.payload);
  if (payload.header === undefined) throw malformed("channel header cannot be nil");
  const channelHeader = decode(ChannelHeaderSchema, payload.header.channelHeader);
  if (channelHeader.type !== HeaderType.CHAINCODE_PACKAGE) {
    throw malformed("invalid type of envelope for chaincode package");
  }
  return decode(SignedChaincodeDeploymentSpecSchema, payload.data);
}

/**
 * Does the ledger's definition fit this package? Fabric asks before every launch and getdepspec.
 *
 * @throws DenimError `package-mismatch` with the text of ValidateCC, `bad-chaincode-data`
 */
export function checkAgainstLedger(
  installed: ChaincodePackage,
  ledger: { readonly name: string; readonly version: string; readonly data: Uint8Array },
): void {
  if (ledger.name !== installed.name || ledger.version !== installed.version) {
    throw new DenimError(
      "package-mismatch",
      `invalid chaincode data ${ledger.name}:${ledger.version} (${installed.name}:${installed.version})`,
    );
  }
  if (!sameDigests(installed, ledger.data)) {
    throw new DenimError(
      "package-mismatch",
      "data mismatch",
      { name: ledger.name, version: ledger.version },
      "The package installed on this peer differs from the instantiated one; install the same package on every peer.",
    );
  }
}

/** An unsigned package does not look at the signature hash, so it also fits a signed definition. */
function sameDigests(installed: ChaincodePackage, data: Uint8Array): boolean {
  const other = decodeSignedCdsData(data);
  return equal(installed.codeHash, other.codeHash) &&
    equal(installed.metadataHash, other.metadataHash) &&
    (installed.signatureHash === undefined || equal(installed.signatureHash, other.signatureHash));
}

function identityOf(deploymentSpec: ChaincodeDeploymentSpec) {
  const id = deploymentSpec.chaincodeSpec?.chaincodeId;
  if (id === undefined) throw malformed("chaincode specification without a name");
  if (!isPrintable(id.name)) throw malformed(`invalid chaincode name: ${JSON.stringify(id.name)}`);
  return {
    name: id.name,
    version: id.version,
    path: id.path,
    metadataHash: sha256(new TextEncoder().encode(id.name + id.version)),
  };
}

/** Go's unicode.IsPrint for every character: letters, marks, numbers, punctuation, symbols, U+0020. */
function isPrintable(name: string): boolean {
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u.test(name);
}

function malformed(message: string): DenimError {
  return new DenimError("malformed-package", message);
}
