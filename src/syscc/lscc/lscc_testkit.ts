/** Test support: lscc called directly, on the recorded peer. */
import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { emptyBytes, utf8 } from "../../base/bytes.ts";
import type { Bundle } from "../../channel/types.ts";
import { ChaincodeDeploymentSpecSchema, ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import type { Response } from "../../gen/peer/proposal_response_pb.ts";
import type { TxSimulator } from "../../ledger/types.ts";
import type { SigningIdentity } from "../../msp/types.ts";
import { compileSignaturePolicy } from "../../policy/signature-policy.ts";
import {
  goldenChannel,
  type GoldenPeer,
  goldenProposal,
  goldenUser,
  openGoldenPeer,
} from "../../../tests/support/golden-peer.ts";
import { systemChaincodeNames } from "../system-chaincodes.ts";
import type { SystemChaincodeCall } from "../types.ts";
import { Lscc } from "./lscc.ts";

export interface Caller {
  readonly user: SigningIdentity;
  readonly channelId: string;
  readonly simulator: TxSimulator | undefined;
  readonly events?: [string, Uint8Array][];
}

/** lscc as the golden peer has it, called directly. */
export async function call(
  lscc: Lscc,
  { user, channelId, simulator, events }: Caller,
  args: readonly (string | Uint8Array)[],
): Promise<Response> {
  const { signed, txId } = goldenProposal(user, channelId, "lscc", args);
  const parameters: SystemChaincodeCall = {
    channelId,
    txId,
    args: args.map((arg) => typeof arg === "string" ? utf8(arg) : arg),
    signedProposal: signed,
    creator: user.serialized,
    transient: {},
    simulator,
    viaChaincode: false,
    setEvent: (name, payload) => events?.push([name, payload]),
  };
  return await lscc.invoke(parameters);
}

export function lsccOf(peer: GoldenPeer, bundle: (channelId: string) => Bundle | undefined): Lscc {
  return new Lscc({
    channels: { bundle },
    packages: peer.packages,
    acl: peer.acl,
    compilePolicy: compileSignaturePolicy,
    isSystemChaincode: (name) => systemChaincodeNames.has(name),
    onInstalled: ({ name, version }) => peer.installed.push(`${name}:${version}`),
  });
}

export async function withPeer(
  run: (
    world: { peer: GoldenPeer; lscc: Lscc; admin: SigningIdentity; onChannel: Caller; off: Caller },
  ) => Promise<void>,
): Promise<void> {
  using peer = await openGoldenPeer();
  const admin = goldenUser("org1", "Admin");
  const simulator = peer.ledger.newSimulator("tx");
  try {
    const onChannel: Caller = { user: admin, channelId: goldenChannel, simulator, events: [] };
    const off: Caller = { user: admin, channelId: "", simulator: undefined };
    const lscc = lsccOf(peer, peer.channels.bundle);
    await run({ peer, lscc, admin, onChannel, off });
  } finally {
    simulator.done();
    admin.close();
  }
}

export function spec(name: string, version: string, codePackage = emptyBytes): Uint8Array {
  return toBinary(
    ChaincodeDeploymentSpecSchema,
    create(ChaincodeDeploymentSpecSchema, {
      chaincodeSpec: {
        type: ChaincodeSpec_Type.CAR,
        chaincodeId: { name, version },
        input: { args: [utf8("init")] },
      },
      codePackage,
    }),
  );
}

export function refused(response: Response, message: string): void {
  assert.deepEqual([response.status, response.message], [500, message]);
}
