import assert from "node:assert/strict";
import { hintOf, systemHintOf } from "./hints.ts";

const situation = { program: "denim", channelId: "mychannel" };

Deno.test("what Fabric's components answer is followed by the next step", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      "error endorsing query: rpc error: code = Unknown desc = access denied: channel [nope] creator org [Org1MSP]",
      /has not joined nope \('denim channel list' tells\).*Org1MSP/,
    ],
    ["access denied: channel [] creator org [Org2MSP]", /CORE_PEER_MSPCONFIGPATH.*Org2MSP/],
    [
      "access denied for [install]: … policy with policy [Admins]: [This identity is not an admin]",
      /administrator/,
    ],
    [
      "make sure the chaincode cc has been successfully instantiated and try again: chaincode cc not found",
      /list --instantiated -C mychannel/,
    ],
    ["msg cannot get package for chaincode (cc:1.0)", /denim chaincode install -n cc -v 1\.0/],
    [
      "cannot retrieve package for chaincode cc/1.0, error open /x: no such file",
      /remove chaincodes\/cc\.1\.0/,
    ],
    ["error installing chaincode code cc:1.0(chaincode /x/cc.1.0 exists)", /installed already/],
    ["chaincode with name 'cc' already exists", /denim chaincode upgrade/],
    ["no Docker engine answers at unix:///x: connect ENOENT /x", /CORE_VM_ENDPOINT/],
    ["rpc error: code = Unavailable desc = connection closed by the server", /expect TLS/],
    ["rpc error: code = Unavailable desc = something", /denim up/],
    ["unknown service orderer.AtomicBroadcast", /no orderer/],
  ];
  for (const [message, hint] of cases) assert.match(hintOf(message, situation) ?? "", hint);
});

Deno.test("a message that brings its own next step, or is not known, gets none", () => {
  assert.equal(hintOf("container exited with 1\nHint: do this", situation), undefined);
  assert.equal(hintOf("asset a1 does not exist", situation), undefined);
});

Deno.test("a refusal of the operating system has a next step too", () => {
  assert.match(systemHintOf("EACCES"), /may write/);
  assert.match(systemHintOf("EODD"), /check/);
});
