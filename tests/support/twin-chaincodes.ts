/** ChaincodeSupport of tests: system chaincodes, and the twin of the recorded chaincode in process. */
import assert from "node:assert/strict";
import { create, fromBinary } from "@bufbuild/protobuf";
import { DenimError } from "../../src/base/errors.ts";
import type { ChaincodeSupport, ExecuteResult } from "../../src/chaincode/types.ts";
import {
  ChannelHeaderSchema,
  HeaderSchema,
  SignatureHeaderSchema,
} from "../../src/gen/common/common_pb.ts";
import {
  type ChaincodeEvent,
  ChaincodeEventSchema,
} from "../../src/gen/peer/chaincode_event_pb.ts";
import { ResponseSchema } from "../../src/gen/peer/proposal_response_pb.ts";
import type { SystemChaincode } from "../../src/syscc/types.ts";
import { assetInit, assetInvoke, type TwinResponse, type TwinStub } from "./asset-twin.ts";
import { SimulatedStub } from "./simulated-stub.ts";

type Params = Parameters<ChaincodeSupport["execute"]>[0];

/** Runs system chaincodes, and the twin of the recorded chaincode over the simulation. */
export class TwinChaincodes implements ChaincodeSupport {
  readonly launched: string[] = [];

  constructor(
    readonly systemChaincodes: { get(name: string): SystemChaincode | undefined },
  ) {}

  async execute(
    ...[params, name, , input]: Parameters<ChaincodeSupport["execute"]>
  ): Promise<ExecuteResult> {
    const chaincode = this.systemChaincodes.get(name);
    if (chaincode === undefined) return await this.#user(params, name, input.args, assetInvoke);
    let event: ChaincodeEvent | undefined;
    const response = await chaincode.invoke({
      ...params,
      args: input.args,
      viaChaincode: false,
      setEvent: (eventName, payload) => {
        const { txId } = params;
        event = create(ChaincodeEventSchema, { chaincodeId: name, txId, eventName, payload });
      },
    });
    return { response, event };
  }

  async executeInit(
    ...[params, { chaincodeSpec, codePackage }]: Parameters<ChaincodeSupport["executeInit"]>
  ): Promise<ExecuteResult> {
    const { name = "", version = "" } = chaincodeSpec?.chaincodeId ?? {};
    assert.equal(codePackage.length, 0);
    this.launched.push(`${name}:${version}`);
    const args = chaincodeSpec?.input?.args ?? [];
    const executed = await this.#user(params, name, args, assetInit);
    if (executed.response.status < 500) return executed;
    throw new DenimError("init-failed", executed.response.message);
  }

  async #user(
    params: Params,
    name: string,
    args: readonly Uint8Array[],
    run: (stub: TwinStub) => Promise<TwinResponse>,
  ): Promise<ExecuteResult> {
    const { simulator, history, proposal, txId } = params;
    assert.ok(simulator && history && proposal);
    const header = fromBinary(HeaderSchema, proposal.header);
    const stub = new SimulatedStub(
      {
        channelId: params.channelId,
        txId,
        creator: params.creator,
        nonce: fromBinary(SignatureHeaderSchema, header.signatureHeader).nonce,
        timestamp: fromBinary(ChannelHeaderSchema, header.channelHeader).timestamp ??
          { seconds: 0n, nanos: 0 },
        transient: new Map(Object.entries(params.transient)),
        simulator,
        history,
        chaincodes: new Map([["assetcc", assetInvoke], ["othercc", assetInvoke]]),
      },
      name,
      args,
    );
    const response = create(ResponseSchema, await run(stub));
    const event = stub.event && create(ChaincodeEventSchema, {
      chaincodeId: name,
      txId,
      eventName: stub.event.name,
      payload: stub.event.payload,
    });
    return { response, event };
  }

  launch(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}
