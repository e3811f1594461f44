import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { emptyBytes, utf8 } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { silentLogger } from "../base/logger.ts";
import type { ChaincodeSupport } from "../chaincode/types.ts";
import {
  type ChaincodeDeploymentSpec,
  ChaincodeDeploymentSpecSchema,
  ChaincodeSpec_Type,
} from "../gen/peer/chaincode_pb.ts";
import { ChaincodeHeaderExtensionSchema } from "../gen/peer/proposal_pb.ts";
import { ChaincodeActionSchema } from "../gen/peer/proposal_pb.ts";
import { ProposalResponsePayloadSchema, ResponseSchema } from "../gen/peer/proposal_response_pb.ts";
import { goldenFile } from "../../tests/support/golden.ts";
import { goldenChannel, goldenClock, goldenProposal } from "../../tests/support/golden-peer.ts";
import { createEndorser } from "./endorser.ts";
import { altered, failedWith, withWorld } from "./endorser_testkit.ts";

Deno.test("an endorsed proposal is counted with its channel, chaincode and duration", async () => {
  await withWorld(async ({ processor, propose, outcomes }) => {
    const response = await processor().process(propose("get", "p1"));
    assert.equal(response.response?.status, 200);
    assert.deepEqual(outcomes, [{
      end: "successful",
      channelId: goldenChannel,
      chaincode: "assetcc:2.0",
      durationMs: 0,
      chaincodeError: false,
    }]);
  });
});

Deno.test("the version in the proposal's header does not reach the endorsement", async () => {
  await withWorld(async ({ processor, propose, user }) => {
    const signed = altered(propose("get", "p1"), user, (header) => {
      const extension = create(ChaincodeHeaderExtensionSchema, {
        chaincodeId: { name: "assetcc", version: "9", path: "somewhere" },
      });
      header.extension = toBinary(ChaincodeHeaderExtensionSchema, extension);
    });
    const { payload } = await processor().process(signed);
    const { extension } = fromBinary(ProposalResponsePayloadSchema, payload);
    const { chaincodeId } = fromBinary(ChaincodeActionSchema, extension);
    assert.equal(chaincodeId?.version, "2.0");
    assert.equal(chaincodeId?.path, "somewhere");
  });
});

Deno.test("a deployment launches and initializes the installed package without its code", async () => {
  await withWorld(async ({ processor, admin, chaincodes }) => {
    const spec = create(ChaincodeDeploymentSpecSchema, {
      chaincodeSpec: {
        type: ChaincodeSpec_Type.GOLANG,
        chaincodeId: { name: "thirdcc", version: "1.0", path: "elsewhere" },
        input: { args: [utf8("init"), utf8("c"), utf8("1")] },
      },
    });
    const deploy = (bytes: Uint8Array) =>
      goldenProposal(admin, goldenChannel, "lscc", ["deploy", goldenChannel, bytes]).signed;
    const bytes = toBinary(ChaincodeDeploymentSpecSchema, spec);
    const initialized: ChaincodeDeploymentSpec[] = [];
    const chaincode: ChaincodeSupport = {
      execute: (...call) => chaincodes.execute(...call),
      executeInit: (params, deployment) => {
        initialized.push(deployment);
        return chaincodes.executeInit(params, deployment);
      },
      launch: () => Promise.resolve(),
      stop: () => Promise.resolve(),
    };
    const response = await processor({ chaincode }).process(deploy(bytes));
    assert.equal(response.response?.status, 200, String(response.response?.message));
    assert.equal(initialized[0].codePackage.length, 0);
    assert.equal(initialized[0].chaincodeSpec?.chaincodeId?.path, "assetcc");
    assert.deepEqual(initialized[0].chaincodeSpec?.input?.args, spec.chaincodeSpec?.input?.args);
    assert.deepEqual(chaincodes.launched, ["thirdcc:1.0"]);

    spec.codePackage = utf8("not gzip");
    failedWith(
      await processor({ chaincode }).process(
        deploy(toBinary(ChaincodeDeploymentSpecSchema, spec)),
      ),
      "failure opening codepackage gzip stream: gzip: invalid header",
    );
    assert.equal(initialized.length, 1);
  });
});

Deno.test("a failed INIT undoes the deployment and is counted as such", async () => {
  await withWorld(async ({ processor, admin, chaincodes, outcomes }) => {
    const spec = fromBinary(ChaincodeDeploymentSpecSchema, goldenFile("packages/assetcc-2.0.cds"));
    spec.codePackage = emptyBytes;
    if (spec.chaincodeSpec?.chaincodeId) spec.chaincodeSpec.chaincodeId.name = "thirdcc";
    if (spec.chaincodeSpec?.chaincodeId) spec.chaincodeSpec.chaincodeId.version = "1.0";
    const chaincode: ChaincodeSupport = {
      execute: (...call) => chaincodes.execute(...call),
      executeInit: () => Promise.reject(new DenimError("launch-failed", "container exited")),
      launch: () => Promise.resolve(),
      stop: () => Promise.resolve(),
    };
    const bytes = toBinary(ChaincodeDeploymentSpecSchema, spec);
    const { signed } = goldenProposal(admin, goldenChannel, "lscc", [
      "deploy",
      goldenChannel,
      bytes,
    ]);
    failedWith(await processor({ chaincode }).process(signed), "container exited");
    assert.deepEqual(outcomes.map(({ end }) => end), ["initialization-failure"]);
  });
});

Deno.test("definitions that do not fit this peer are not endorsed", async () => {
  await withWorld(async ({ processor, propose, peer }) => {
    const definition = peer.definitions.chaincodeDefinition(
      "assetcc",
      peer.ledger.newQueryExecutor(),
    );
    const defined = (changes: Partial<typeof definition>) =>
      processor({ definitions: { chaincodeDefinition: () => ({ ...definition, ...changes }) } });
    failedWith(
      await defined({ escc: "custom" }).process(propose("get", "p1")),
      "plugin with name custom could not be used: plugin with name custom wasn't found",
    );
    const { message = "" } = (await defined({ version: "9" }).process(propose("get", "p1")))
      .response ?? {};
    assert.match(
      message,
      /^cannot retrieve package for chaincode assetcc\/9, error open \S+\/assetcc\.9: no such file or directory$/,
    );
    failedWith(
      await defined({ name: "othercc", version: "1.0", instantiationPolicy: utf8("other") })
        .process(propose("get", "p1")),
      "Instantiation policy mismatch for cc othercc/1.0",
    );
  });
});

Deno.test("statuses below 400 are endorsed, from 400 not, from 500 shown with their simulation", async () => {
  await withWorld(async ({ processor, propose, outcomes }) => {
    const answered = async (status: number) => {
      const response = await processor().process(propose("status", String(status), "m", "p"));
      return [response.endorsement !== undefined, response.payload.length > 0, response.version];
    };
    assert.deepEqual(await answered(399), [true, true, 1]);
    assert.deepEqual(await answered(400), [false, false, 0]);
    assert.deepEqual(await answered(499), [false, false, 0]);
    assert.deepEqual(await answered(500), [false, true, 0]);
    assert.deepEqual(outcomes.map(({ chaincodeError }) => chaincodeError), [
      false,
      true,
      true,
      true,
    ]);
  });
});

Deno.test("every simulator and history executor is given back, whatever happens", async () => {
  await withWorld(async ({ processor, propose, peer }) => {
    const open = { simulators: 0, histories: 0 };
    const ledger: typeof peer.ledger = Object.create(peer.ledger, {
      newSimulator: {
        value: (txId: string) => {
          open.simulators++;
          const simulator = peer.ledger.newSimulator(txId);
          const done = simulator.done.bind(simulator);
          let ended = false;
          simulator.done = () => {
            if (!ended) open.simulators--;
            ended = true;
            done();
          };
          return simulator;
        },
      },
      newHistoryExecutor: {
        value: () => {
          open.histories++;
          const history = peer.ledger.newHistoryExecutor();
          const done = history.done.bind(history);
          history.done = () => {
            open.histories--;
            done();
          };
          return history;
        },
      },
      hasTransaction: { value: (txId: string) => peer.ledger.hasTransaction(txId) },
      transientStore: { value: peer.ledger.transientStore },
      info: { value: () => peer.ledger.info() },
      newQueryExecutor: { value: () => peer.ledger.newQueryExecutor() },
    });
    const channels = { ...peer.channels, ledger: () => ledger };
    const failing: ChaincodeSupport = {
      execute: () => Promise.reject(new DenimError("x", "broken")),
      executeInit: () => Promise.reject(new DenimError("x", "broken")),
      launch: () => Promise.resolve(),
      stop: () => Promise.resolve(),
    };
    await processor({ channels }).process(propose("put", "a", "b"));
    await processor({ channels }).process(propose("pvtput", "both", "a", "b"));
    await processor({ channels }).process(propose("fail", "x"));
    failedWith(
      await processor({ channels, chaincode: failing }).process(propose("get", "a")),
      "broken",
    );
    assert.deepEqual(open, { simulators: 0, histories: 0 });
  });
});

Deno.test("private data in an instantiation is refused", async () => {
  await withWorld(async ({ processor, admin }) => {
    const chaincode: ChaincodeSupport = {
      execute: (params) => {
        params.simulator?.setPrivateData("assetcc", "both", "k", utf8("v"));
        return Promise.resolve({
          response: create(ResponseSchema, { status: 200 }),
          event: undefined,
        });
      },
      executeInit: () => Promise.reject(new DenimError("x", "not reached")),
      launch: () => Promise.resolve(),
      stop: () => Promise.resolve(),
    };
    const { signed } = goldenProposal(admin, goldenChannel, "lscc", ["getchaincodes"]);
    failedWith(
      await processor({ chaincode }).process(signed),
      "Private data is forbidden to be used in instantiate",
    );
  });
});

Deno.test("the service hands on the caller's signal", async () => {
  await withWorld(async ({ peer, propose, chaincodes }) => {
    const seen: (AbortSignal | undefined)[] = [];
    const handlers = createEndorser({
      ...peer,
      chaincode: {
        execute: (params, ...rest) => {
          seen.push(params.signal);
          return chaincodes.execute(params, ...rest);
        },
        executeInit: (...call) => chaincodes.executeInit(...call),
        launch: () => Promise.resolve(),
        stop: () => Promise.resolve(),
      },
      clock: goldenClock,
      logger: silentLogger,
    });
    const { signal } = new AbortController();
    const response = await handlers.processProposal?.(propose("get", "p1"), {
      method: "/protos.Endorser/ProcessProposal",
      remoteAddress: "127.0.0.1",
      clientCertificate: undefined,
      signal,
      headers: {},
      deadline: undefined,
    });
    assert.equal(response?.response?.status, 200);
    assert.deepEqual(seen, [signal]);
  });
});
