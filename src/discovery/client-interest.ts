/** Interests as clients send them. Mirrors validateCCQuery of discovery/service.go. */
import { create } from "@bufbuild/protobuf";
import { DenimError } from "../base/errors.ts";
import {
  type ChaincodeCall,
  type ChaincodeInterest,
  ChaincodeInterestSchema,
  type ChaincodeQuery,
} from "../gen/discovery/protocol_pb.ts";

/**
 * What clients may say of an interest: what 1.4.2 reads, and `no_private_reads` of 2.x. Other
 * fields are for callers within this peer: policies from outside could keep it busy.
 */
export function clientInterest(chaincodes: readonly ChaincodeCall[]): ChaincodeInterest {
  return create(ChaincodeInterestSchema, {
    chaincodes: chaincodes.map(({ name, collectionNames, noPrivateReads }) => ({
      name,
      collectionNames,
      noPrivateReads,
    })),
  });
}

/** @throws DenimError with Fabric's text */
export function checkInterests({ interests }: ChaincodeQuery): void {
  if (interests.length === 0) {
    throw badRequest("chaincode query must have at least one chaincode interest");
  }
  for (const { chaincodes } of interests) {
    if (chaincodes.length === 0) {
      throw badRequest("chaincode interest must contain at least one chaincode");
    }
    if (chaincodes.some(({ name }) => name === "")) {
      throw badRequest("chaincode name in interest cannot be empty");
    }
  }
}

function badRequest(message: string): DenimError {
  return new DenimError("bad-request", message);
}
