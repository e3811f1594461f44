/** Single keys: value, deletion, metadata, hash. Mirrors the Handle… functions of core/chaincode/handler.go. */
import { create } from "@bufbuild/protobuf";
import { emptyBytes } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import {
  DelStateSchema,
  GetStateMetadataSchema,
  GetStateSchema,
  PutStateMetadataSchema,
  PutStateSchema,
  StateMetadataResultSchema,
} from "../gen/peer/chaincode_shim_pb.ts";
import {
  decode,
  refusePrivateDataInInit,
  requireCollectionRead,
  type ShimCall,
  simulatorOf,
} from "./shim-call.ts";
import { encodeWire } from "../protocol/wire-encoder.ts";

export function getState(call: ShimCall): Uint8Array {
  const { key, collection } = decode(GetStateSchema, call.message.payload);
  const simulator = simulatorOf(call.context);
  if (collection === "") return simulator.getState(call.chaincodeName, key) ?? emptyBytes;
  requireCollectionRead(call, collection);
  return simulator.getPrivateData(call.chaincodeName, collection, key) ?? emptyBytes;
}

/** The hash is readable by everyone, members of the collection or not. */
export function getPrivateDataHash(call: ShimCall): Uint8Array {
  const { key, collection } = decode(GetStateSchema, call.message.payload);
  refusePrivateDataInInit(call.context);
  const simulator = simulatorOf(call.context);
  return simulator.getPrivateDataHash(call.chaincodeName, collection, key) ?? emptyBytes;
}

export function putState(call: ShimCall): Uint8Array {
  const { key, value, collection } = decode(PutStateSchema, call.message.payload);
  const simulator = simulatorOf(call.context);
  if (collection === "") {
    simulator.setState(call.chaincodeName, key, value);
  } else {
    refusePrivateDataInInit(call.context);
    simulator.setPrivateData(call.chaincodeName, collection, key, value);
  }
  return emptyBytes;
}

export function deleteState(call: ShimCall): Uint8Array {
  const { key, collection } = decode(DelStateSchema, call.message.payload);
  const simulator = simulatorOf(call.context);
  if (collection === "") {
    simulator.deleteState(call.chaincodeName, key);
  } else {
    refusePrivateDataInInit(call.context);
    simulator.deletePrivateData(call.chaincodeName, collection, key);
  }
  return emptyBytes;
}

export function getStateMetadata(call: ShimCall): Uint8Array {
  requireKeyLevelEndorsement(call);
  const { key, collection } = decode(GetStateMetadataSchema, call.message.payload);
  const simulator = simulatorOf(call.context);
  let metadata: Map<string, Uint8Array> | undefined;
  if (collection === "") {
    metadata = simulator.getStateMetadata(call.chaincodeName, key);
  } else {
    requireCollectionRead(call, collection);
    metadata = simulator.getPrivateDataMetadata(call.chaincodeName, collection, key);
  }
  const entries = [...metadata ?? []].map(([metakey, value]) => ({ metakey, value }));
  return encodeWire(StateMetadataResultSchema, create(StateMetadataResultSchema, { entries }));
}

export function putStateMetadata(call: ShimCall): Uint8Array {
  requireKeyLevelEndorsement(call);
  const put = decode(PutStateMetadataSchema, call.message.payload);
  if (put.metadata === undefined) {
    throw new DenimError("malformed-message", "unmarshal failed: state metadata is nil");
  }
  const metadata = new Map([[put.metadata.metakey, put.metadata.value]]);
  const simulator = simulatorOf(call.context);
  if (put.collection === "") {
    simulator.setStateMetadata(call.chaincodeName, put.key, metadata);
  } else {
    refusePrivateDataInInit(call.context);
    simulator.setPrivateDataMetadata(call.chaincodeName, put.collection, put.key, metadata);
  }
  return emptyBytes;
}

function requireKeyLevelEndorsement(call: ShimCall): void {
  const { channelId } = call.message;
  const bundle = call.services.bundle(channelId);
  if (bundle === undefined) {
    throw new DenimError(
      "channel-not-found",
      `application config does not exist for ${channelId}`,
      { channelId },
    );
  }
  if (!bundle.capabilities.keyLevelEndorsement) {
    throw new DenimError(
      "capability-missing",
      "key level endorsement is not enabled, channel application capability of V1_3 or later is required",
      { channelId },
    );
  }
}
