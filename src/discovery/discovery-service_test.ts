import assert from "node:assert/strict";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { utf8 } from "../base/bytes.ts";
import { silentLogger } from "../base/logger.ts";
import { signerOf } from "../channel/channel_testkit.ts";
import { sha256 } from "../crypto/hash.ts";
import { encodePem } from "../crypto/pem.ts";
import {
  type QueryResult,
  type QuerySchema,
  RequestSchema,
  ResponseSchema,
  type SignedRequest,
  SignedRequestSchema,
} from "../gen/discovery/protocol_pb.ts";
import type { SigningIdentity } from "../msp/types.ts";
import { policyBytes, signedByAnyAdmin } from "../policy/envelopes.ts";
import { compileSignaturePolicy } from "../policy/signature-policy.ts";
import type { CallContext } from "../rpc/types.ts";
import { createDiscoveryService } from "./discovery-service.ts";
import { createEndorsementPlanner } from "./endorsement-planner.ts";
import { interestedPeers } from "./interested-peers.ts";
import { maxQuestions } from "./open-request.ts";
import { interestIn, pretendedChannel } from "./testing.ts";
import { channelId, peerSigner, recordedBundle } from "./testing-peers.ts";

const user = signerOf("Org1MSP", "User1@org1.example.com");
const admin = signerOf("Org1MSP", "Admin@org1.example.com");
const org1 = recordedBundle.mspManager.msp("Org1MSP")!;

const sources = pretendedChannel(
  [
    { mspId: "Org1", chaincodes: ["cc", "cc2"] },
    { mspId: "Org2", chaincodes: ["cc", "cc2"] },
    { mspId: "Org2", chaincodes: [] },
    { mspId: "Org3", chaincodes: ["cc"], endpoint: "" },
  ],
  { cc: "AND('Org1.member','Org2.member')", cc2: "OR('Org2.member','Org3.member')" },
);

type Query = MessageInitShape<typeof QuerySchema>;

function serviceWith(
  options: { mutualTls?: boolean; readers?: boolean; planning?: () => void } = {},
) {
  const planner = createEndorsementPlanner(sources);
  const local = compileSignaturePolicy(signedByAnyAdmin(["Org1MSP"]), org1);
  const warnings: string[] = [];
  const { discover } = createDiscoveryService({
    mutualTls: options.mutualTls ?? false,
    authCache: { enabled: true, maxSize: 100, purgeRetentionRatio: 0.75 },
    eligibility: {
      check: (channel, signed) => {
        if (channel === "") return local.evaluate([signed]);
        const name = options.readers ? "Admins" : "Writers";
        recordedBundle.policyManager.policy(`/Channel/Application/Org1MSP/${name}`)!
          .evaluate([signed]);
      },
      checkPeer: (_channel, signed) =>
        recordedBundle.policyManager.policy("/Channel/Application/Readers")!.evaluate([signed]),
      sequence: () => 1n,
    },
    membership: sources.membership,
    planner: {
      plan: (...interest) => {
        options.planning?.();
        return planner.plan(...interest);
      },
    },
    interestedPeers: (channel, filter) => interestedPeers(sources, channel, filter),
    channelConfig: (channel) =>
      channel === channelId ? recordedBundle.configTxValidator.config : undefined,
    logger: { ...silentLogger, warn: (line) => warnings.push(line) },
  });
  const call = (request: SignedRequest, certificate?: Uint8Array, signal?: AbortSignal) =>
    discover!(request, contextWith(certificate, signal)) as Promise<{ results: QueryResult[] }>;
  const ask = async (queries: Query[], signer: SigningIdentity = user) =>
    (await call(signed({ queries }, signer))).results.map(({ result }) => result);
  return { call, ask, warnings };
}

function contextWith(
  clientCertificate: Uint8Array | undefined,
  signal = new AbortController().signal,
): CallContext {
  return {
    method: "/discovery.Discovery/Discover",
    remoteAddress: "127.0.0.1:1",
    clientCertificate,
    signal,
    headers: {},
    deadline: undefined,
  };
}

function signed(
  { queries, hash, identity }: { queries: Query[]; hash?: Uint8Array; identity?: Uint8Array },
  signer: SigningIdentity = user,
): SignedRequest {
  const payload = toBinary(
    RequestSchema,
    create(RequestSchema, {
      authentication: {
        clientIdentity: identity ?? signer.serialized,
        clientTlsCertHash: hash,
      },
      queries,
    }),
  );
  return create(SignedRequestSchema, { payload, signature: signer.sign(payload) });
}

const config: Query = { channel: channelId, query: { case: "configQuery", value: {} } };
const peers: Query = { channel: channelId, query: { case: "peerQuery", value: {} } };
const localPeers: Query = { query: { case: "localPeers", value: {} } };
const endorsers = (...interests: string[][]): Query => ({
  channel: channelId,
  query: {
    case: "ccQuery",
    value: {
      interests: interests.map((names) => ({ chaincodes: names.map((name) => ({ name })) })),
    },
  },
});

const reasonOf = (result: QueryResult["result"]) =>
  result.case === "error" ? result.value.content : undefined;

Deno.test("all questions of one request are answered, in their order", async () => {
  const { ask } = serviceWith();
  const results = await ask([endorsers(["cc"], ["cc", "cc2"]), config, peers, localPeers, config]);
  assert.deepEqual(results.map((one) => one.case), [
    "ccQueryRes",
    "configResult",
    "members",
    "error",
    "configResult",
  ]);
  assert.equal(reasonOf(results[3]), "access denied"); // the user is no administrator
  const [endorsing, configuration, members] = results;
  assert.equal(endorsing.case, "ccQueryRes");
  assert.deepEqual(endorsing.value.content.map(({ layouts }) => layouts.length), [1, 1]);
  const [first, both] = endorsing.value.content;
  assert.equal(first.chaincode, "cc");
  assert.deepEqual(first.layouts[0].quantitiesByGroup, { G0: 1, G1: 1 });
  assert.equal(first.endorsersByGroups.G1.peers.length, 1);
  assert.ok(first.endorsersByGroups.G1.peers[0].stateInfo);
  assert.deepEqual(both.layouts[0].quantitiesByGroup, { G0: 1, G1: 1 });
  assert.equal(configuration.case, "configResult");
  assert.deepEqual(Object.keys(configuration.value.msps).sort(), [
    "OrdererMSP",
    "Org1MSP",
    "Org2MSP",
  ]);
  assert.deepEqual(
    configuration.value.orderers.OrdererMSP.endpoint.map(({ host, port }) => [host, port]),
    [["127.0.0.1", 7050]],
  );
  assert.equal(members.case, "members");
  const byOrg = members.value.peersByOrg;
  const counts = Object.entries(byOrg).map(([org, list]) => [org, list.peers.length]);
  assert.deepEqual(counts.sort(), [["Org1", 1], ["Org2", 2], ["Org3", 0]]);
});

Deno.test("one reason stands for all interests of a query where one cannot be endorsed", async () => {
  const { ask } = serviceWith();
  const [result] = await ask([endorsers(["cc"], ["nosuch", "cc"])]);
  assert.equal(
    reasonOf(result),
    'failed constructing descriptor for chaincodes:<name:"nosuch" > chaincodes:<name:"cc" > ',
  );
});

Deno.test("administrators may ask for local peers, which come without state", async () => {
  const [result] = await serviceWith().ask([localPeers], admin);
  assert.equal(result.case, "members");
  const all = Object.values(result.value.peersByOrg).flatMap((list) => list.peers);
  assert.equal(all.length, 3);
  for (const peer of all) assert.ok(peer.membershipInfo && !peer.stateInfo);
});

Deno.test("a peer that is a reader may ask who is there, and nothing else", async () => {
  const { ask } = serviceWith({ readers: true });
  const results = await ask([peers, config, endorsers(["cc"])], peerSigner("peer0.org2"));
  assert.deepEqual(results.map((one) => one.case), ["members", "error", "error"]);
});

Deno.test("malformed queries get Fabric's reasons", async () => {
  const { ask } = serviceWith();
  const local = (query: Query): Query => ({ ...query, channel: "" });
  const unknown = "unknown or missing request type";
  const cases: [Query, string, SigningIdentity?][] = [
    [{ channel: "nosuch", query: config.query }, "access denied"],
    [{ channel: channelId }, unknown],
    [{}, unknown, admin],
    [local(config), unknown, admin],
    [local(peers), unknown, admin],
    [{ ...localPeers, channel: channelId }, unknown],
    [endorsers(), "chaincode query must have at least one chaincode interest"],
    [endorsers([]), "chaincode interest must contain at least one chaincode"],
    [endorsers(["cc"], []), "chaincode interest must contain at least one chaincode"],
    [endorsers(["cc", ""]), "chaincode name in interest cannot be empty"],
    [{
      channel: channelId,
      query: { case: "peerQuery", value: { filter: { chaincodes: [{ name: "nosuch" }] } } },
    }, `No metadata was found for chaincode nosuch in channel ${channelId}`],
  ];
  for (const [query, reason, signer] of cases) {
    const [result] = await ask([query], signer);
    assert.equal(reasonOf(result), reason);
  }
});

Deno.test("a request without structure or with somebody else's signature is refused", async () => {
  const { call, warnings } = serviceWith();
  const payload = (bytes: Uint8Array) => create(SignedRequestSchema, { payload: bytes });
  await assert.rejects(call(payload(Uint8Array.of(0xff))), /^DenimError: failed parsing request/);
  await assert.rejects(
    call(create(SignedRequestSchema)),
    /^DenimError: access denied, no authentication info in request$/,
  );
  await assert.rejects(
    call(signed({ queries: [config], identity: new Uint8Array(0) })),
    /^DenimError: access denied, client identity wasn't supplied$/,
  );
  assert.equal(warnings.length, 3);
  const forged = { ...signed({ queries: [config] }), signature: new Uint8Array(70) };
  const { results: [result] } = await call(forged);
  assert.equal(reasonOf(result.result), "access denied");
  const borrowed = signed({ queries: [config], identity: admin.serialized });
  assert.equal(reasonOf((await call(borrowed)).results[0].result), "access denied");
});

Deno.test("a request that names a TLS certificate is bound to it", async () => {
  const { certificate } = user;
  const hash = sha256(certificate);
  const pemHash = sha256(utf8(encodePem("CERTIFICATE", certificate)));
  const other = admin.certificate;
  const mismatch =
    /^DenimError: client claimed TLS hash doesn't match computed TLS hash from gRPC stream$/;
  for (const mutualTls of [false, true]) {
    const { call } = serviceWith({ mutualTls });
    const asked = (claimed?: Uint8Array, shown?: Uint8Array): Promise<{ results: unknown[] }> =>
      call(signed({ queries: [config], hash: claimed }), shown);
    assert.equal((await asked(hash, certificate)).results.length, 1);
    assert.equal((await asked(pemHash, certificate)).results.length, 1);
    await assert.rejects(asked(hash, other), mismatch);
    if (mutualTls) {
      await assert.rejects(asked(undefined, certificate), mismatch);
      await assert.rejects(
        asked(hash, undefined),
        /^DenimError: client didn't send a TLS certificate$/,
      );
    } else {
      assert.equal((await asked(undefined, certificate)).results.length, 1);
      assert.equal((await asked(hash, undefined)).results.length, 1);
    }
  }
});

Deno.test("what a client sends goes into the log as short lines, and once for a request", async () => {
  const { ask, warnings } = serviceWith();
  const long = "x\n".repeat(1_000_000);
  const results = await ask([{ ...config, channel: long }, { ...config, channel: long }]);
  assert.deepEqual(results.map(reasonOf), ["access denied", "access denied"]);
  assert.equal(warnings.length, 1);
  await ask([endorsers([long])]);
  assert.equal(warnings.length, 2);
  for (const line of warnings) assert.match(line, /^[^\n]{1,600}$/);
});

Deno.test("more questions than the limit are refused as a whole", async () => {
  const { call, ask } = serviceWith();
  const many = Array(maxQuestions).fill(config);
  const few = await ask(many.slice(0, 50));
  assert.equal(few.length, 50);
  const tooMany = new RegExp(`at most ${maxQuestions} queries .* not ${maxQuestions + 1}$`);
  await assert.rejects(call(signed({ queries: [...many, config] })), tooMany);
  const interests = Array(maxQuestions + 1).fill(["cc"]);
  await assert.rejects(call(signed({ queries: [endorsers(...interests)] })), tooMany);
});

Deno.test("work ends when the client goes", async () => {
  const gone = new AbortController();
  let planned = 0;
  const planning = () => void (++planned === 3 && gone.abort());
  const { call } = serviceWith({ planning });
  const request = signed({ queries: [endorsers(...Array(maxQuestions).fill(["cc"]))] });
  const answer = call(request, undefined, gone.signal);
  await assert.rejects(answer, /context canceled/);
  assert.equal(planned, 3);
});

Deno.test("any bytes get an answer or a reason, never a defect", async () => {
  const { call } = serviceWith();
  const honest = toBinary(
    RequestSchema,
    fromBinary(
      RequestSchema,
      signed({ queries: [config, peers, endorsers(["cc", "cc2"])] }).payload,
    ),
  );
  const mutation = fc.tuple(fc.nat(honest.length - 1), fc.integer({ min: 0, max: 255 }));
  await fc.assert(fc.asyncProperty(
    fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(mutation, { minLength: 1, maxLength: 10 }).map((mutations) => {
        const bytes = honest.slice();
        for (const [at, value] of mutations) bytes[at] = value;
        return bytes;
      }),
      fc.nat(honest.length).map((length) => honest.slice(0, length)),
    ),
    async (payload) => {
      // Signed, so that what comes after the check of the signature is reached.
      const request = create(SignedRequestSchema, { payload, signature: user.sign(payload) });
      try {
        const { results } = await call(request);
        toBinary(ResponseSchema, create(ResponseSchema, { results }));
        for (const { result } of results) assert.notEqual(reasonOf(result), "internal error");
      } catch (error) {
        assert.equal((error as Error).name, "DenimError", String(error));
      }
    },
  ));
});

Deno.test("policies that a ledger may hold never break the planner", () => {
  const honest = policyBytes(signedByAnyAdmin(["Org1", "Org2", "Org3"]));
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.nat(honest.length - 1), fc.integer({ min: 0, max: 255 }))),
    (mutations) => {
      const bytes = honest.slice();
      for (const [at, value] of mutations) bytes[at] = value;
      const planner = createEndorsementPlanner(
        {
          ...pretendedChannel([{ mspId: "Org1", chaincodes: ["cc"] }], { cc: bytes }),
          satisfies: () => true,
        },
      );
      try {
        planner.plan("ch", interestIn("cc"));
      } catch (error) {
        assert.equal((error as Error).name, "DenimError", String(error));
      }
    },
  ));
});
