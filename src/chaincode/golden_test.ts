/**
 * The recorded proposals against the recorded Go chaincode, built and started from its recorded
 * package, with Fabric 1.4.2's own shim on the other side of a mutual TLS stream.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { goldenFile, goldenProposals } from "../../tests/support/golden.ts";
import { goldenClock, type GoldenPeer, openGoldenPeer } from "../../tests/support/golden-peer.ts";
import { temporaryDirectory } from "../../tests/support/temporary.ts";
import { systemClock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import { createCertificateAuthority } from "../crypto/certificate-authority.ts";
import { ProposalProcessor } from "../endorser/endorser.ts";
import { ChaincodeSupport } from "../gen/peer/chaincode_shim_pb.ts";
import { SignedProposalSchema } from "../gen/peer/proposal_pb.ts";
import { type ProposalResponse, ProposalResponseSchema } from "../gen/peer/proposal_response_pb.ts";
import { compileSignaturePolicy } from "../policy/signature-policy.ts";
import { createRpcServer } from "../rpc/server.ts";
import { ProcessRuntime } from "../runtime/process/process-runtime.ts";
import { findToolchain } from "../runtime/process/toolchain.ts";
import type { ChaincodeHost } from "./chaincode-host.ts";
import { createChaincodeSupport } from "./chaincode-support.ts";
import { defaultChaincodeSupportConfig } from "./chaincode-support-config.ts";

const go = findToolchain(Deno.env.toObject(), Deno.execPath()).go;

async function withRealChaincode(
  work: (peer: GoldenPeer, host: ChaincodeHost, processor: ProposalProcessor) => Promise<void>,
): Promise<void> {
  using peer = await openGoldenPeer();
  using directory = temporaryDirectory();
  const ca = await createCertificateAuthority();
  const listener = await ca.newServerKeyPair(["localhost", "127.0.0.1"]);
  const server = await createRpcServer({
    listen: "127.0.0.1:0",
    tls: {
      certificate: listener.certPem,
      key: listener.keyPem,
      clientRootCertificates: [ca.certificatePem],
    },
    logger: silentLogger,
  });
  const runtime = new ProcessRuntime({
    directory: join(directory.path, "run"),
    logger: silentLogger,
    clock: systemClock,
  });
  const host = createChaincodeSupport({
    config: {
      ...defaultChaincodeSupportConfig,
      peerAddress: server.address,
      environment: { CORE_CHAINCODE_LOGGING_LEVEL: "warning" },
    },
    systemChaincodes: peer.systemChaincodes,
    packages: peer.packages,
    definitions: peer.definitions,
    acl: peer.acl,
    certificateAuthority: ca,
    runtimeFor: () => runtime,
    ledger: peer.channels.ledger,
    bundle: peer.channels.bundle,
    signaturePolicy: (_, policy) => compileSignaturePolicy(policy, peer.bundle.mspManager),
    logger: silentLogger,
  });
  server.register(ChaincodeSupport, host.service);
  const processor = new ProposalProcessor({
    ...peer,
    chaincode: host,
    clock: goldenClock,
    logger: silentLogger,
    systemChaincodeVersion: "latest",
  });
  try {
    await work(peer, host, processor);
  } finally {
    await host.close();
    await runtime.close();
    await server.close(0);
  }
}

function answer(processor: ProposalProcessor, name: string): Promise<ProposalResponse> {
  return processor.process(
    fromBinary(SignedProposalSchema, goldenFile(`proposals/${name}.proposal`)),
  );
}

Deno.test({
  name: "recorded proposals, recorded Go chaincode, real shim: the recorded bytes",
  ignore: go === undefined,
  fn: async (t) => {
    await withRealChaincode(async (_peer, host, processor) => {
      for (const { Name, Chaincode, GRPCError } of goldenProposals()) {
        const user = Chaincode === "assetcc" || Chaincode === "othercc";
        if (!user || GRPCError !== undefined || Name === "60-panic") continue;
        await t.step(Name, async () => {
          const expected = fromBinary(
            ProposalResponseSchema,
            goldenFile(`proposals/${Name}.response`),
          );
          const actual = await answer(processor, Name);
          assert.deepEqual(actual.response, expected.response);
          assert.deepEqual(actual.payload, expected.payload);
        });
      }
      await t.step("each chaincode was launched once, with every step on record", () => {
        const records = host.launchRecords();
        assert.deepEqual(
          records.map((r) => `${r.name}:${r.version} ${r.outcome}`),
          ["assetcc:2.0 ok", "othercc:1.0 ok"],
        );
        const [first, second] = records.map(({ steps }) => steps.map((step) => step.name));
        assert.deepEqual(first, ["package", "build", "tls", "start", "register", "ready"]);
        // The same code: built already.
        assert.deepEqual(second, ["package", "tls", "start", "register", "ready"]);
      });
      await t.step(
        "a panic is answered at once with Go's words, and the next call relaunches",
        async () => {
          const { response } = await answer(processor, "60-panic");
          assert.equal(response?.status, 500);
          assert.match(
            response.message,
            /error sending: chaincode stream terminated: container exited with 2: .*panic: asked to panic/s,
          );
          const again = await answer(processor, "19-cc2cc-write");
          assert.equal(again.response?.status, 200);
          const [ended, running] = host.launchRecords("othercc");
          assert.match(ended.exit?.reason ?? "", /container exited with 2/);
          assert.equal(running.exit, undefined);
        },
      );
    });
  },
});
