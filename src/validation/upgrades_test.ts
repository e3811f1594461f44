import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { emptyBytes, utf8 } from "../base/bytes.ts";
import {
  ChaincodeDeploymentSpecSchema,
  ChaincodeInvocationSpecSchema,
  ChaincodeSpec_Type,
} from "../gen/peer/chaincode_pb.ts";
import { ChaincodeProposalPayloadSchema } from "../gen/peer/proposal_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import { markDuplicateTxIds, markUpgradeConflicts, upgradedChaincode } from "./upgrades.ts";

const { VALID, DUPLICATE_TXID, CHAINCODE_VERSION_CONFLICT, BAD_RWSET } = TxValidationCode;

function call(name: string, type: ChaincodeSpec_Type): Uint8Array {
  const spec = toBinary(
    ChaincodeDeploymentSpecSchema,
    create(ChaincodeDeploymentSpecSchema, {
      chaincodeSpec: { type, chaincodeId: { name: "cc", version: "2" } },
    }),
  );
  const input = create(ChaincodeInvocationSpecSchema, {
    chaincodeSpec: { input: { args: [utf8(name), utf8("ch"), spec] } },
  });
  return toBinary(
    ChaincodeProposalPayloadSchema,
    create(ChaincodeProposalPayloadSchema, {
      input: toBinary(ChaincodeInvocationSpecSchema, input),
    }),
  );
}

Deno.test("only upgrades of Go chaincode disturb their block, as in 1.4.2", () => {
  assert.equal(upgradedChaincode(call("upgrade", ChaincodeSpec_Type.GOLANG)), "cc");
  assert.equal(upgradedChaincode(call("upgrade", ChaincodeSpec_Type.NODE)), undefined);
  assert.equal(upgradedChaincode(call("deploy", ChaincodeSpec_Type.GOLANG)), undefined);
  assert.equal(upgradedChaincode(emptyBytes), undefined);
});

Deno.test("the last upgrade wins over earlier ones and over every invocation in the block", () => {
  const flags = Uint8Array.from([VALID, VALID, BAD_RWSET, VALID, VALID, VALID]);
  const upgrade = { invoked: "lscc/ch", upgraded: "cc/ch" };
  const invoke = { invoked: "cc/ch", upgraded: undefined };
  const elsewhere = { invoked: "other/ch", upgraded: undefined };
  markUpgradeConflicts(flags, [invoke, upgrade, undefined, upgrade, invoke, elsewhere]);
  const conflict = CHAINCODE_VERSION_CONFLICT;
  assert.deepEqual([...flags], [conflict, conflict, BAD_RWSET, VALID, conflict, VALID]);
});

Deno.test("equal ids of valid transactions are marked, empty ids and invalid ones are not", () => {
  const flags = Uint8Array.from([BAD_RWSET, VALID, VALID, VALID, VALID]);
  markDuplicateTxIds(flags, ["", "a", "a", "", ""]);
  assert.deepEqual([...flags], [BAD_RWSET, VALID, DUPLICATE_TXID, VALID, VALID]);
});
