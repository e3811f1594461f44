/**
 * ChaincodeData and the package digests inside it: what lscc stores for an instantiated chaincode.
 * They are protobuf on the wire but Go structs at home, so there is no .proto file for them.
 * Mirrors core/common/ccprovider (ccprovider.go, cdspackage.go, sigcdspackage.go) of Fabric 1.4.2.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { emptyBytes, strictText, text } from "../base/bytes.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import { readBytesFields } from "./go-wire.ts";

/** ccprovider.ChaincodeData: the value of key `<name>` in lscc's namespace. */
export interface ChaincodeData {
  readonly name: string;
  readonly version: string;
  readonly escc: string;
  readonly vscc: string;
  /** Serialized SignaturePolicyEnvelope: the endorsement policy. */
  readonly policy: Uint8Array;
  /** Serialized CDSData or SignedCDSData. */
  readonly data: Uint8Array;
  /** Fingerprint of the package. */
  readonly id: Uint8Array;
  /** Serialized SignaturePolicyEnvelope; undefined where the field is absent (Go's nil). */
  readonly instantiationPolicy: Uint8Array | undefined;
}

/** ccprovider.CDSData: the digests of an unsigned package. */
export interface CdsData {
  readonly codeHash: Uint8Array;
  readonly metadataHash: Uint8Array;
}

/** ccprovider.SignedCDSData: the digests of a signed package. */
export interface SignedCdsData extends CdsData {
  readonly signatureHash: Uint8Array;
}

function readFields(what: string, bytes: Uint8Array, known: number) {
  try {
    return readBytesFields(bytes, known).map((field) => field?.slice());
  } catch (error) {
    throw new DenimError("bad-chaincode-data", `${what}: ${messageOf(error)}`, {
      length: bytes.length,
    });
  }
}

/** Strings carry no `proto3` tag in Go, so golang/protobuf writes them even when empty. */
function writeString(writer: BinaryWriter, number: number, value: string): void {
  writer.tag(number, WireType.LengthDelimited).string(value);
}

function writeBytes(writer: BinaryWriter, number: number, value: Uint8Array | undefined): void {
  if (value === undefined || value.length === 0) return;
  writer.tag(number, WireType.LengthDelimited).bytes(value);
}

/** The bytes golang/protobuf writes for a ccprovider.ChaincodeData: fields in order of number. */
export function encodeChaincodeData(data: ChaincodeData): Uint8Array {
  const writer = new BinaryWriter();
  writeString(writer, 1, data.name);
  writeString(writer, 2, data.version);
  writeString(writer, 3, data.escc);
  writeString(writer, 4, data.vscc);
  writeBytes(writer, 5, data.policy);
  writeBytes(writer, 6, data.data);
  writeBytes(writer, 7, data.id);
  writeBytes(writer, 8, data.instantiationPolicy);
  return writer.finish();
}

/** @throws DenimError `bad-chaincode-data` */
export function decodeChaincodeData(bytes: Uint8Array): ChaincodeData {
  const fields = readFields("ChaincodeData", bytes, 8);
  const string = (number: number) => {
    const bytes = fields[number] ?? emptyBytes;
    return strictText(bytes) ?? text(bytes);
  };
  return {
    name: string(1),
    version: string(2),
    escc: string(3),
    vscc: string(4),
    policy: fields[5] ?? emptyBytes,
    data: fields[6] ?? emptyBytes,
    id: fields[7] ?? emptyBytes,
    instantiationPolicy: fields[8],
  };
}

/** The bytes of a ccprovider.CDSData. */
export function encodeCdsData(data: CdsData): Uint8Array {
  const writer = new BinaryWriter();
  writeBytes(writer, 1, data.codeHash);
  writeBytes(writer, 2, data.metadataHash);
  return writer.finish();
}

/** @throws DenimError `bad-chaincode-data` */
export function decodeCdsData(bytes: Uint8Array): CdsData {
  const fields = readFields("CDSData", bytes, 2);
  return { codeHash: fields[1] ?? emptyBytes, metadataHash: fields[2] ?? emptyBytes };
}

/** The bytes of a ccprovider.SignedCDSData. */
export function encodeSignedCdsData(data: SignedCdsData): Uint8Array {
  const writer = new BinaryWriter();
  writeBytes(writer, 1, data.codeHash);
  writeBytes(writer, 2, data.metadataHash);
  writeBytes(writer, 3, data.signatureHash);
  return writer.finish();
}

/** @throws DenimError `bad-chaincode-data` */
export function decodeSignedCdsData(bytes: Uint8Array): SignedCdsData {
  const fields = readFields("SignedCDSData", bytes, 3);
  return {
    codeHash: fields[1] ?? emptyBytes,
    metadataHash: fields[2] ?? emptyBytes,
    signatureHash: fields[3] ?? emptyBytes,
  };
}
