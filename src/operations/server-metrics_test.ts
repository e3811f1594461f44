import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { sleep } from "../base/async.ts";
import { utf8 } from "../base/bytes.ts";
import { disabledMetrics } from "../base/metrics.ts";
import { silentLogger } from "../base/logger.ts";
import { ChaincodeMessageSchema, ChaincodeSupport } from "../gen/peer/chaincode_shim_pb.ts";
import { Endorser } from "../gen/peer/peer_pb.ts";
import { SignedProposalSchema } from "../gen/peer/proposal_pb.ts";
import { createRpcClient } from "../rpc/client.ts";
import { createRpcServer } from "../rpc/server.ts";
import { ServerMetrics } from "../rpc/server-metrics.ts";
import { registerTestServices } from "../rpc/testing-services.ts";
import { PrometheusProvider } from "./prometheus.ts";

Deno.test("a server counts its calls by service, method and code, and its connections", async () => {
  const provider = new PrometheusProvider();
  const server = await createRpcServer({
    listen: "127.0.0.1:0",
    logger: silentLogger,
    metrics: new ServerMetrics(provider),
  });
  registerTestServices(server);
  assert.equal(provider.text(), "");
  const client = createRpcClient({ address: server.address, connectTimeoutMs: 10_000 });
  const propose = (text: string, timeoutMs?: number) =>
    client.unary(
      Endorser.method.processProposal,
      create(SignedProposalSchema, { proposalBytes: utf8(text) }),
      { timeoutMs },
    );
  const until = async (line: string) => {
    const deadline = Date.now() + 20_000;
    while (!provider.text().split("\n").includes(line)) {
      assert(Date.now() < deadline, `no ${line} in\n${provider.text()}`);
      await sleep(5);
    }
  };
  try {
    await propose("fine");
    await propose("fine");
    await assert.rejects(propose("denied"));
    const unary = 'method="ProcessProposal",service="protos_Endorser"';
    await until(`grpc_server_unary_requests_received{${unary}} 3`);
    await until(`grpc_server_unary_requests_completed{code="OK",${unary}} 2`);
    await until(`grpc_server_unary_requests_completed{code="Unknown",${unary}} 1`);
    await until(`grpc_server_unary_request_duration_count{code="OK",${unary}} 2`);
    await until("grpc_comm_conn_opened 1");

    const method = ChaincodeSupport.method.register;
    const say = async (...txids: string[]) => {
      const stream = client.stream(method);
      const answers = stream.responses[Symbol.asyncIterator]();
      for (const txid of txids) {
        await stream.send(create(ChaincodeMessageSchema, { txid }));
        if (txid === "echo") await answers.next();
      }
      return { stream, answers };
    };
    const stream = 'method="Register",service="protos_ChaincodeSupport"';
    await (await say("echo", "echo", "end")).answers.next();
    await until(`grpc_server_stream_requests_completed{code="OK",${stream}} 1`);
    await until(`grpc_server_stream_messages_received{${stream}} 3`);
    await until(`grpc_server_stream_messages_sent{${stream}} 2`);
    await assert.rejects((await say("fail")).answers.next());
    await until(`grpc_server_stream_requests_completed{code="Unknown",${stream}} 1`);
    (await say("echo")).stream.cancel();
    await until(`grpc_server_stream_requests_completed{code="Canceled",${stream}} 1`);
    await until(`grpc_server_stream_requests_received{${stream}} 3`);
    await until(`grpc_server_stream_request_duration_count{code="Canceled",${stream}} 1`);
  } finally {
    await client.close();
    await until("grpc_comm_conn_closed 1");
    await server.close(100);
  }
});

Deno.test("where nobody counts, a server's methods carry no metrics", () => {
  assert.equal(new ServerMetrics(disabledMetrics).call("/a.B/C", false), undefined);
});
