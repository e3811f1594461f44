import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import { DenimError } from "../base/errors.ts";
import { SignedProposalSchema } from "../gen/peer/proposal_pb.ts";
import { proposalSignedData } from "../protocol/signed-data.ts";
import type { LocalSigningIdentity } from "../msp/signing-identity.ts";
import { createAclProvider } from "./acl-provider.ts";
import { channelResourcePolicies } from "./acl-resources.ts";
import { artifactBlock, bundleOf, goldenBlock, goldenFile, signerOf } from "./channel_testkit.ts";
import type { Bundle } from "./types.ts";

const early = bundleOf(artifactBlock("mychannel.block"));
const withAcls = bundleOf(goldenBlock(21));
const localMsp = early.mspManager.msp("Org1MSP")!;

function provider(bundle: Bundle = early) {
  return createAclProvider({
    bundleOf: (channelId) => channelId === "mychannel" ? bundle : undefined,
    localMsp,
  });
}

function signedBy(signer: LocalSigningIdentity) {
  const data = new TextEncoder().encode("a proposal");
  return { data, identity: signer.serialized, signature: signer.sign(data) };
}

const org1Admin = () => signedBy(signerOf("Org1MSP", "Admin@org1.example.com"));
const org1User = () => signedBy(signerOf("Org1MSP", "User1@org1.example.com"));
const org2User = () => signedBy(signerOf("Org2MSP", "User1@org2.example.com"));
const orderer = () => signedBy(signerOf("OrdererMSP", "Admin@example.com"));

function refusal(check: () => void): string {
  try {
    check();
  } catch (error) {
    assert.ok(error instanceof DenimError, String(error));
    assert.equal(error.code, "access-denied");
    return error.message;
  }
  return "allowed";
}

Deno.test("members of the channel may use every resource, others none", () => {
  for (const resource of channelResourcePolicies.keys()) {
    provider().check(resource, "mychannel", org1User());
    provider().check(resource, "mychannel", org2User());
    assert.match(
      refusal(() => provider().check(resource, "mychannel", orderer())),
      /^Failed evaluating policy on signed data during check policy on channel \[mychannel\] with policy \[\/Channel\/Application\/(Readers|Writers)\]: \[implicit policy evaluation failed - 0 sub-policies were satisfied, but this policy requires 1 of the '(Readers|Writers)' sub-policies to be satisfied\]$/,
    );
  }
});

Deno.test("a wrong signature is no access", () => {
  const signed = org1User();
  assert.match(
    refusal(() =>
      provider().check("peer/Propose", "mychannel", { ...signed, data: new Uint8Array(3) })
    ),
    /implicit policy evaluation failed/,
  );
});

Deno.test("resources without a default, and channels not joined, are refused by name", () => {
  assert.equal(
    refusal(() => provider().check("lscc/Deploy", "mychannel", org1User())),
    "Unmapped policy for lscc/Deploy",
  );
  assert.equal(
    refusal(() => provider().check("qscc/GetChainInfo", "ghost", org1User())),
    "Failed to get policy manager for channel [ghost]",
  );
});

Deno.test("the channel's own ACL comes before the default", () => {
  const [[resource, policy]] = [...withAcls.acls];
  assert.equal(policy, "/Channel/Application/Admins");
  const acl = provider(withAcls);
  provider(early).check(resource, "mychannel", org1User());
  assert.match(
    refusal(() => acl.check(resource, "mychannel", org1User())),
    /^failed evaluating policy on signed data during check policy \[\/Channel\/Application\/Admins\]: \[implicit policy evaluation failed/,
  );
  const dangling = { ...early, acls: new Map([["peer/Propose", "/Channel/Application/Ghost"]]) };
  assert.equal(
    refusal(() => provider(dangling).check("peer/Propose", "mychannel", org1Admin())),
    "failed evaluating policy on signed data during check policy [/Channel/Application/Ghost]: " +
      "[policy /Channel/Application/Ghost not found]",
  );
});

Deno.test("what belongs to no channel is for the local organisation's admins or members", () => {
  const acl = provider();
  acl.check("lscc/Install", "", org1Admin());
  acl.check("cscc/JoinChain", "", org1Admin());
  acl.check("cscc/GetChannels", "", org1User());
  assert.match(
    refusal(() => acl.check("lscc/Install", "", org1User())),
    /^Failed verifying that proposal's creator satisfies local MSP principal during channelless check policy with policy \[Admins\]: \[This identity is not an admin\]$/,
  );
  assert.match(
    refusal(() => acl.check("cscc/GetChannels", "", org2User())),
    /^Failed deserializing proposal creator during channelless check policy with policy \[Members\]: \[expected MSP ID Org1MSP, received Org2MSP\]$/,
  );
  assert.equal(
    refusal(() => acl.check("lscc/Install", "", { ...org1Admin(), data: new Uint8Array(1) })),
    "The signature is invalid",
  );
  assert.equal(
    refusal(() => acl.check("qscc/GetChainInfo", "", org1User())),
    "Failed getting local MSP principal during channelless check policy with policy " +
      "[/Channel/Application/Readers]: [MSP Principal role [/Channel/Application/Readers] not " +
      "recognized]",
  );
});

Deno.test("recorded proposals are allowed or refused as by the real peer, word for word", () => {
  const acl = provider(withAcls);
  const check = (proposal: string, resource: string, channelId: string) => {
    const bytes = goldenFile(`proposals/${proposal}.proposal`);
    const signed = proposalSignedData(fromBinary(SignedProposalSchema, bytes));
    const verdict = refusal(() => acl.check(resource, channelId, signed));
    if (channelId !== "") {
      const identity = withAcls.mspManager.deserializeIdentity(signed.identity);
      for (const time of ["first", "second"]) {
        assert.equal(
          refusal(() => acl.checkIdentity(resource, channelId, identity)),
          verdict,
          time,
        );
      }
    }
    return verdict;
  };
  assert.equal(check("01-query-get", "peer/Propose", "mychannel"), "allowed");
  assert.equal(
    check("45-lscc-getchaincodes", "lscc/GetInstantiatedChaincodes", "mychannel"),
    "allowed",
  );
  assert.equal(
    check("46-lscc-getinstalledchaincodes", "lscc/GetInstalledChaincodes", ""),
    "allowed",
  );
  assert.equal(check("50-qscc-chaininfo", "qscc/GetChainInfo", "mychannel"), "allowed");
  assert.equal(check("56-cscc-channels", "cscc/GetChannels", ""), "allowed");
  const recorded: { Name: string; Message: string }[] = JSON.parse(
    new TextDecoder().decode(goldenFile("proposals/index.json")),
  );
  const answer = (name: string) => recorded.find((one) => one.Name === name)?.Message;
  const byUser = check("47-lscc-getinstalled-by-user", "lscc/GetInstalledChaincodes", "");
  assert.equal(
    `access denied for [getinstalledchaincodes]: ${byUser}`,
    answer("47-lscc-getinstalled-by-user"),
  );
  const denied = check("55-qscc-blockbyhash-acl-denied", "qscc/GetBlockByHash", "mychannel");
  assert.equal(
    `access denied for [GetBlockByHash][mychannel]: [${denied}]`,
    answer("55-qscc-blockbyhash-acl-denied"),
  );
});
