import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import {
  ChannelHeaderSchema,
  HeaderSchema,
  HeaderType,
  SignatureHeaderSchema,
} from "../gen/common/common_pb.ts";
import { ChaincodeEventSchema } from "../gen/peer/chaincode_event_pb.ts";
import { ChaincodeInvocationSpecSchema } from "../gen/peer/chaincode_pb.ts";
import {
  ChaincodeActionSchema,
  ChaincodeProposalPayloadSchema,
  ProposalSchema,
  SignedProposalSchema,
} from "../gen/peer/proposal_pb.ts";
import {
  ProposalResponsePayloadSchema,
  ProposalResponseSchema,
} from "../gen/peer/proposal_response_pb.ts";
import { ChaincodeActionPayloadSchema, TransactionSchema } from "../gen/peer/transaction_pb.ts";
import { emptyBytes, hex, text, utf8 } from "../base/bytes.ts";
import { assetInvoke, type TwinResponse, type TwinStub } from "../../tests/support/asset-twin.ts";
import {
  flagsBeforeMvcc,
  goldenBlocks,
  goldenFile,
  goldenPrivateData,
  goldenProposals,
  goldenValidation,
  type RecordedProposal,
} from "../../tests/support/golden.ts";
import { SimulatedStub, type SimulatedTransaction } from "../../tests/support/simulated-stub.ts";
import { temporaryDirectory } from "../../tests/support/temporary.ts";
import { createLedgerProvider } from "./ledger-provider.ts";
import { decodeTransaction, simulationResultsOf } from "./transaction/decode.ts";
import type { PeerLedger } from "./types.ts";

function replayed(directory: string) {
  const provider = createLedgerProvider({ directory });
  const [genesis, ...rest] = goldenBlocks();
  const ledger = provider.create("mychannel", genesis);
  const recorded = goldenValidation();
  const privateData = goldenPrivateData();
  rest.forEach((block, i) =>
    ledger.commit({
      block,
      flags: flagsBeforeMvcc(recorded[i + 1]),
      privateData: privateData.get(i + 1),
    })
  );
  return { provider, ledger };
}

function transactionOf(
  recorded: RecordedProposal,
): Omit<SimulatedTransaction, "simulator" | "history" | "chaincodes"> {
  const signed = fromBinary(
    SignedProposalSchema,
    goldenFile(`proposals/${recorded.Name}.proposal`),
  );
  const header = fromBinary(
    HeaderSchema,
    fromBinary(ProposalSchema, signed.proposalBytes).header,
  );
  const channelHeader = fromBinary(ChannelHeaderSchema, header.channelHeader);
  const { creator, nonce } = fromBinary(SignatureHeaderSchema, header.signatureHeader);
  return {
    channelId: channelHeader.channelId,
    txId: channelHeader.txId,
    creator,
    nonce,
    timestamp: channelHeader.timestamp ?? { seconds: 0n, nanos: 0 },
    transient: new Map(
      Object.entries(recorded.Transient ?? {}).map(([key, value]) => [key, utf8(value)]),
    ),
  };
}

/** Runs the twin as the endorser runs a chaincode: it looks the chaincode up first. */
async function simulate(ledger: PeerLedger, recorded: RecordedProposal) {
  const simulator = ledger.newSimulator(recorded.TxID);
  const history = ledger.newHistoryExecutor();
  try {
    const chaincodes = new Map<string, (stub: TwinStub) => Promise<TwinResponse>>(
      ["assetcc", "othercc"].map((name) => [name, assetInvoke]),
    );
    const transaction = { ...transactionOf(recorded), simulator, history, chaincodes };
    assert.ok(simulator.getState("lscc", recorded.Chaincode));
    const args = (recorded.Args ?? []).map(utf8);
    const stub = new SimulatedStub(transaction, recorded.Chaincode, args);
    const response = await assetInvoke(stub);
    return { response, event: stub.event, results: simulator.results() };
  } finally {
    history.done();
    simulator.done();
  }
}

const chaincodeProposals = goldenProposals().filter((p) =>
  p.Chaincode === "assetcc" && p.Channel === "mychannel" && p.GRPCError === undefined &&
  p.TxID !== ""
);

Deno.test("the twin's simulations are byte for byte the recorded endorsements", async (t) => {
  using directory = temporaryDirectory();
  const { provider, ledger } = replayed(directory.path);
  try {
    const endorsed = chaincodeProposals.filter((p) => p.Endorsed);
    assert.equal(endorsed.length, 26);
    for (const recorded of endorsed) {
      await t.step(recorded.Name, async () => {
        const expected = fromBinary(
          ProposalResponseSchema,
          goldenFile(`proposals/${recorded.Name}.response`),
        );
        const action = fromBinary(
          ChaincodeActionSchema,
          fromBinary(ProposalResponsePayloadSchema, expected.payload).extension,
        );
        const { response, event, results } = await simulate(ledger, recorded);
        assert.equal(hex(results.publicBytes), hex(action.results));
        assert.equal(response.status, action.response?.status);
        assert.equal(text(response.payload), text(action.response?.payload ?? emptyBytes));
        const expectedEvent = fromBinary(ChaincodeEventSchema, action.events);
        assert.equal(event?.name ?? "", expectedEvent.eventName);
        assert.equal(text(event?.payload ?? emptyBytes), text(expectedEvent.payload));
      });
    }
  } finally {
    provider.close();
  }
});

Deno.test("what the recorded peer refused, the twin refuses with the same words", async (t) => {
  using directory = temporaryDirectory();
  const { provider, ledger } = replayed(directory.path);
  try {
    const refused = chaincodeProposals.filter((p) => !p.Endorsed);
    assert.ok(refused.length >= 7);
    for (const recorded of refused) {
      await t.step(recorded.Name, async () => {
        const { response } = await simulate(ledger, recorded);
        assert.equal(response.status, recorded.Status);
        assert.equal(response.message, recorded.Message);
      });
    }
  } finally {
    provider.close();
  }
});

/** Transactions that are not what the chaincode gives at their block's height, by block and number. */
const notSimulatedHere = new Map<string, string>([
  ["10.2", "an old transaction again"],
  ["11.4", "response of another proposal"],
  ["11.6", "no transaction in it"],
  ["11.10", "forged creator"],
  ["12.0", "no action in it"],
  ["12.1", "no data in it"],
  ...Array.from({ length: 16 }, (_, i): [string, string] => [`13.${i}`, "forged results"]),
  ["14.4", "calls qscc"],
  ["16.1", "value from the transient map, which is not on the chain"],
  ["24.0", "simulated before the upgrade"],
]);

Deno.test("the transactions on the chain come out of the twin byte for byte at their height", async () => {
  using directory = temporaryDirectory();
  const provider = createLedgerProvider({ directory: directory.path });
  try {
    const [genesis, ...rest] = goldenBlocks();
    const ledger = provider.create("mychannel", genesis);
    const recorded = goldenValidation();
    const privateData = goldenPrivateData();
    let compared = 0;
    for (const [i, block] of rest.entries()) {
      const number = i + 1;
      for (const [tx, envelope] of (block.data?.data ?? []).entries()) {
        if (notSimulatedHere.has(`${number}.${tx}`)) continue;
        const again = await simulateAgain(ledger, envelope);
        if (again === undefined) continue;
        assert.equal(hex(again.actual), hex(again.expected), `block ${number} transaction ${tx}`);
        compared++;
      }
      const flags = flagsBeforeMvcc(recorded[number]);
      ledger.commit({ block, flags, privateData: privateData.get(number) });
    }
    assert.equal(compared, 103);
  } finally {
    provider.close();
  }
});

/** Results of a chaincode's transaction and of its twin now; undefined for what is no such thing. */
async function simulateAgain(ledger: PeerLedger, envelope: Uint8Array) {
  const transaction = decodeTransaction(envelope);
  if (transaction?.channelHeader.type !== HeaderType.ENDORSER_TRANSACTION) return undefined;
  const { chaincodeProposalPayload } = fromBinary(
    ChaincodeActionPayloadSchema,
    fromBinary(TransactionSchema, transaction.data).actions[0].payload,
  );
  const { chaincodeSpec } = fromBinary(
    ChaincodeInvocationSpecSchema,
    fromBinary(ChaincodeProposalPayloadSchema, chaincodeProposalPayload).input,
  );
  const name = chaincodeSpec?.chaincodeId?.name ?? "";
  if (name === "lscc") return undefined;
  const { creator, nonce } = fromBinary(
    SignatureHeaderSchema,
    transaction.header.signatureHeader,
  );
  const simulator = ledger.newSimulator(transaction.channelHeader.txId);
  const history = ledger.newHistoryExecutor();
  try {
    simulator.getState("lscc", name);
    const stub = new SimulatedStub(
      {
        channelId: "mychannel",
        txId: transaction.channelHeader.txId,
        creator,
        nonce,
        timestamp: transaction.channelHeader.timestamp ?? { seconds: 0n, nanos: 0 },
        transient: new Map(),
        simulator,
        history,
        chaincodes: new Map(["assetcc", "othercc", "thirdcc"].map((cc) => [cc, assetInvoke])),
      },
      name,
      chaincodeSpec?.input?.args ?? [],
    );
    await assetInvoke(stub);
    return { actual: simulator.results().publicBytes, expected: simulationResultsOf(transaction) };
  } finally {
    history.done();
    simulator.done();
  }
}
