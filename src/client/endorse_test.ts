import assert from "node:assert/strict";
import net from "node:net";
import { create, fromBinary } from "@bufbuild/protobuf";
import { text, utf8 } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { silentLogger } from "../base/logger.ts";
import {
  ChaincodeDeploymentSpecSchema,
  ChaincodeInvocationSpecSchema,
  ChaincodeSpec_Type,
} from "../gen/peer/chaincode_pb.ts";
import { Endorser } from "../gen/peer/peer_pb.ts";
import {
  ChaincodeProposalPayloadSchema,
  ProposalSchema,
  type SignedProposal,
} from "../gen/peer/proposal_pb.ts";
import { type ProposalResponse, ProposalResponseSchema } from "../gen/peer/proposal_response_pb.ts";
import { createRpcClient } from "../rpc/client.ts";
import { createRpcServer } from "../rpc/server.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import { clock, signer } from "./client_testkit.ts";
import { endorse, query } from "./endorse.ts";
import { chaincodeInvocation, deployInvocation, installInvocation } from "./lifecycle.ts";
import { PeerConnection } from "./peer-connection.ts";

/** Runs with peers that answer as `answers` say, one each; gives the proposals they saw. */
async function withPeers<T>(
  answers: (() => ProposalResponse)[],
  run: (peers: PeerConnection[]) => Promise<T>,
): Promise<{ result: T; seen: SignedProposal[] }> {
  const seen: SignedProposal[] = [];
  const open: { peer: PeerConnection; close(): Promise<void> }[] = [];
  try {
    for (const answer of answers) {
      const server = await createRpcServer({ listen: "127.0.0.1:0", logger: silentLogger });
      server.register(Endorser, {
        processProposal(proposal) {
          seen.push(proposal);
          return answer();
        },
      });
      const { address } = server;
      const peer = new PeerConnection(address, createRpcClient({ address }));
      open.push({ peer, close: () => server.close(0) });
    }
    return { result: await run(open.map(({ peer }) => peer)), seen };
  } finally {
    for (const { peer, close } of open) {
      peer.close();
      await close();
    }
  }
}

const answered = (status: number, message: string, payload = "") => () =>
  create(ProposalResponseSchema, { response: { status, message, payload: utf8(payload) } });

const call = chaincodeInvocation({ name: "asset", args: [utf8("read"), utf8("a1")] });

/** What a proposal calls, and with which arguments. */
function calledBy(signed: SignedProposal) {
  const { payload } = fromBinary(ProposalSchema, signed.proposalBytes);
  const { input, TransientMap } = fromBinary(ChaincodeProposalPayloadSchema, payload);
  const { chaincodeSpec } = fromBinary(ChaincodeInvocationSpecSchema, input);
  return {
    name: chaincodeSpec?.chaincodeId?.name,
    args: chaincodeSpec?.input?.args ?? [],
    transient: TransientMap,
  };
}

Deno.test("every peer gets the same signed proposal; answers keep the order of the peers", async () => {
  const answers = [answered(200, "first"), answered(500, "second"), answered(200, "third")];
  const { result, seen } = await withPeers(
    answers,
    (peers) => endorse({ signer, clock, peers }, "c", call, { transient: { secret: utf8("s") } }),
  );
  assert.deepEqual(result.responses.map((r) => r.response?.message), ["first", "second", "third"]);
  assert.equal(seen.length, 3);
  for (const proposal of seen) {
    assert.deepEqual(proposal.proposalBytes, seen[0].proposalBytes);
    assert.deepEqual(proposal.signature, signer.sign(proposal.proposalBytes));
  }
  const called = calledBy(seen[0]);
  assert.equal(called.name, "asset");
  assert.deepEqual(called.args.map(text), ["read", "a1"]);
  assert.deepEqual(called.transient, { secret: utf8("s") });
  assert.match(result.txId, /^[0-9a-f]{64}$/);
});

Deno.test("a peer that refuses ends the endorsement with its reason", async () => {
  const refuse = () => {
    throw new DenimError("access-denied", "access denied: channel [c] creator org [Org1MSP]");
  };
  await assert.rejects(
    withPeers([answered(200, ""), refuse], (peers) => endorse({ signer, clock, peers }, "c", call)),
    { name: "RpcError", message: "access denied: channel [c] creator org [Org1MSP]" },
  );
});

Deno.test("a query asks one peer, and anything but 200 is an error", async () => {
  const ask = (...answers: (() => ProposalResponse)[]) =>
    withPeers(answers, (peers) => query({ signer, clock, peers }, "c", call));
  const { result, seen } = await ask(answered(200, "", "payload"), answered(500, "not asked"));
  assert.equal(text(result), "payload");
  assert.equal(seen.length, 1);
  await assert.rejects(ask(answered(404, "no such key")), {
    code: "bad-response",
    message: "Bad response: 404 - no such key",
    facts: { status: 404, message: "no such key" },
  });
  await assert.rejects(ask(() => create(ProposalResponseSchema)), {
    code: "bad-response",
    message: "Proposal response had nil 'response'",
  });
});

Deno.test("installations and deployments are the calls of lscc that Fabric makes", () => {
  const argsOf = (invocation: ReturnType<typeof installInvocation>) => {
    assert.equal(invocation.chaincodeSpec?.chaincodeId?.name, "lscc");
    return invocation.chaincodeSpec?.input?.args ?? [];
  };
  const [install, packaged] = argsOf(installInvocation(utf8("package")));
  assert.equal(text(install), "install");
  assert.equal(text(packaged), "package");

  const deployment = {
    channelId: "c",
    call: { name: "asset", version: "1.0", type: ChaincodeSpec_Type.NODE, args: [utf8("init")] },
    policy: utf8("policy"),
    escc: "escc",
    vscc: "vscc",
  };
  const args = argsOf(deployInvocation("upgrade", deployment));
  assert.equal(args.length, 6);
  assert.deepEqual([0, 1, 3, 4, 5].map((i) => text(args[i])), [
    "upgrade",
    "c",
    "policy",
    "escc",
    "vscc",
  ]);
  const spec = fromBinary(ChaincodeDeploymentSpecSchema, args[2]);
  assert.equal(spec.chaincodeSpec?.chaincodeId?.version, "1.0");
  assert.equal(spec.codePackage.length, 0);
  const collections = utf8("collections");
  const withCollections = argsOf(deployInvocation("deploy", { ...deployment, collections }));
  assert.equal(text(withCollections[6]), "collections");
});

Deno.test("a peer that dies in the middle of an endorsement is named", async () => {
  const dying = net.createServer((socket) => {
    socket.on("error", () => {});
    // The proposal has come: whoever was to answer is gone.
    socket.on("data", (chunk) => chunk.length > 100 && socket.resetAndDestroy());
  });
  await new Promise<void>((resolve) => dying.listen(0, "127.0.0.1", resolve));
  const address = `127.0.0.1:${(dying.address() as net.AddressInfo).port}`;
  const peer = new PeerConnection(address, createRpcClient({ address }));
  try {
    await withPeers([() => create(ProposalResponseSchema)], async ([alive]) => {
      const call = { name: "cc", version: "", path: "", type: ChaincodeSpec_Type.GOLANG, args: [] };
      const proposer = { signer, clock, peers: [alive, peer] };
      await assert.rejects(endorse(proposer, "mychannel", chaincodeInvocation(call)), (error) => {
        assert.ok(error instanceof RpcError && error.status === GrpcStatus.UNAVAILABLE);
        assert.ok(error.message.includes(address), error.message);
        return true;
      });
    });
  } finally {
    peer.close();
    await new Promise((resolve) => dying.close(resolve));
  }
});
