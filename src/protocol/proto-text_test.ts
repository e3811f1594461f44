import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { utf8 } from "../base/bytes.ts";
import { BlockchainInfoSchema } from "../gen/common/ledger_pb.ts";
import { LayoutSchema } from "../gen/discovery/protocol_pb.ts";
import { ServerStatus_StatusCode, ServerStatusSchema } from "../gen/peer/admin_pb.ts";
import {
  ChaincodeInputSchema,
  ChaincodeSpec_Type,
  ChaincodeSpecSchema,
} from "../gen/peer/chaincode_pb.ts";
import { FilteredBlockSchema } from "../gen/peer/events_pb.ts";
import { QueryResponseSchema } from "../gen/peer/chaincode_shim_pb.ts";
import { ProposalResponseSchema, ResponseSchema } from "../gen/peer/proposal_response_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import { protoText } from "./proto-text.ts";

// The expected texts are what golang/protobuf 1.3 prints for the same messages.

Deno.test("the response that scripts look for", () => {
  const response = create(ResponseSchema, { status: 200, payload: utf8("OK") });
  assert.equal(protoText(ResponseSchema, response), 'status:200 payload:"OK" ');
  assert.equal(protoText(ResponseSchema, create(ResponseSchema)), "");
});

Deno.test("bytes and strings are escaped byte by byte", () => {
  const message = 'é "\\\n\r\t\0\x7f';
  assert.equal(
    protoText(ResponseSchema, create(ResponseSchema, { message })),
    String.raw`message:"\303\251 \"\\\n\r\t\000\177" `,
  );
});

Deno.test("messages stand in angle brackets, fields in the order of their numbers", () => {
  const response = create(ProposalResponseSchema, {
    version: 1,
    timestamp: create(TimestampSchema, { seconds: 1_561_000_000n, nanos: 7 }),
    response: create(ResponseSchema, { status: -1 }),
    endorsement: {},
  });
  assert.equal(
    protoText(ProposalResponseSchema, response),
    "version:1 timestamp:<seconds:1561000000 nanos:7 > response:<status:-1 > endorsement:<> ",
  );
});

Deno.test("enums print their names, and numbers where they have none", () => {
  const status = create(ServerStatusSchema, { status: ServerStatus_StatusCode.STARTED });
  assert.equal(protoText(ServerStatusSchema, status), "status:STARTED ");
  const unknown = create(ServerStatusSchema, { status: 77 as ServerStatus_StatusCode });
  assert.equal(protoText(ServerStatusSchema, unknown), "status:77 ");
});

Deno.test("lists repeat the name, maps print entries in the order of their keys", () => {
  const input = create(ChaincodeInputSchema, {
    args: [utf8("a"), new Uint8Array(0)],
    decorations: { é: utf8("2"), z: utf8("1") },
  });
  assert.equal(
    protoText(ChaincodeInputSchema, input),
    String
      .raw`args:"a" args:"" decorations:<key:"z" value:"1" > decorations:<key:"\303\251" value:"2" > `,
  );
  const layout = create(LayoutSchema, { quantitiesByGroup: { G1: 2, G0: 0 } });
  assert.equal(
    protoText(LayoutSchema, layout),
    'quantities_by_group:<key:"G0" value:0 > quantities_by_group:<key:"G1" value:2 > ',
  );
});

Deno.test("nested messages, lists of messages, oneofs, booleans and 64-bit numbers", () => {
  const spec = create(ChaincodeSpecSchema, {
    type: ChaincodeSpec_Type.NODE,
    chaincodeId: { name: "asset", version: "1.0" },
    input: {},
  });
  assert.equal(
    protoText(ChaincodeSpecSchema, spec),
    'type:NODE chaincode_id:<name:"asset" version:"1.0" > input:<> ',
  );
  const block = create(FilteredBlockSchema, {
    number: 0xffff_ffff_ffff_ffffn,
    filteredTransactions: [{
      txid: "t",
      txValidationCode: TxValidationCode.MVCC_READ_CONFLICT,
      Data: { case: "transactionActions", value: { chaincodeActions: [{}] } },
    }],
  });
  assert.equal(
    protoText(FilteredBlockSchema, block),
    'number:18446744073709551615 filtered_transactions:<txid:"t" ' +
      "tx_validation_code:MVCC_READ_CONFLICT transaction_actions:<chaincode_actions:<> > > ",
  );
  assert.equal(
    protoText(QueryResponseSchema, create(QueryResponseSchema, { hasMore: true, id: "i" })),
    'has_more:true id:"i" ',
  );
  assert.equal(
    protoText(BlockchainInfoSchema, create(BlockchainInfoSchema, { height: 3n })),
    "height:3 ",
  );
});
