/** Traces of a whole network as a collector receives them: over OTLP/HTTP, by the standard variables. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Collector } from "./support/collector.ts";
import { installAsset, Workplace } from "./support/denim.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const traceparent = `00-${traceId}-b7ad6b7169203331-01`;

Deno.test("a client's trace goes through the proposal to the launch and its steps, down to a failure's cause", async () => {
  await using collector = await Collector.start();
  await using work = new Workplace();
  await work.ok(["up", "--detach", "--port", "0", "--runtime", "process"], {
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_SERVICE_NAME: "my-peer",
      OTEL_RESOURCE_ATTRIBUTES: "team=blue",
      OTEL_BSP_SCHEDULE_DELAY: "50",
    },
  });
  const instantiate = (name: string) =>
    work.run([
      ...["chaincode", "instantiate", "-C", "mychannel", "-n", name, "-v", "1.0"],
      ...["-c", '{"Args":["init"]}'],
    ], { environment: { TRACEPARENT: traceparent } });

  await work.ok(installAsset("1.0"));
  const { code, err } = await instantiate("asset");
  assert.equal(code, 0, err);
  const proposal = await collector.span(
    ({ traceId: id, name }) => id === traceId && name === "protos.Endorser/ProcessProposal",
    "the proposal in the client's trace",
  );
  assert.equal(proposal.parentSpanId, "b7ad6b7169203331");
  assert.equal(proposal.attributes["fabric.channel.id"], "mychannel");
  assert.equal(proposal.attributes["fabric.chaincode.name"], "lscc");
  assert.equal(proposal.attributes["fabric.response.status"], 200);
  assert.equal(proposal.resource["service.name"], "my-peer");
  assert.equal(proposal.resource["team"], "blue");
  assert.equal(proposal.resource["fabric.msp.id"], "Org1MSP");
  const launch = await collector.span(({ name }) => name === "launch asset:1.0", "the launch");
  assert.equal(launch.traceId, traceId);
  assert.equal(launch.parentSpanId, proposal.spanId);
  assert.equal(launch.attributes["denim.launch.runtime"], "process");
  for (const name of ["package", "start", "register", "ready", "init"]) {
    const step = await collector.span((span) => span.name === name, name);
    assert.equal(step.parentSpanId, launch.spanId, name);
    assert.equal(step.statusCode, 0);
    assert(step.beganAtMs >= proposal.beganAtMs && step.endedAtMs <= proposal.endedAtMs, name);
  }

  const broken = join(work.directory, "broken");
  mkdirSync(broken);
  writeFileSync(
    join(broken, "package.json"),
    '{"name":"broken","version":"1.0.0","scripts":{"start":"node main.js"}}',
  );
  writeFileSync(join(broken, "main.js"), "throw new Error('mine');\n");
  await work.ok(["chaincode", "install", "-l", "node", "-n", "broken", "-v", "1.0", "-p", broken]);
  assert.equal((await instantiate("broken")).code, 1);
  const failed = await collector.span(({ name }) => name === "launch broken:1.0", "its launch");
  assert.equal(failed.statusCode, 2);
  assert.match(failed.statusMessage, /container exited with 1: [^]*Error: mine/);
  const refused = await collector.span(
    ({ spanId }) => spanId === failed.parentSpanId,
    "its proposal",
  );
  assert.equal(refused.statusCode, 2);
  assert.match(refused.statusMessage, /Error: mine/);
});

Deno.test("a peer whose collector is gone, or whose settings cannot be followed, works and says so", async () => {
  await using work = new Workplace();
  const settings = [
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1", /spans cannot be exported to http:/],
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", /only http\/protobuf and http\/json are supported/],
  ] as const;
  for (const [variable, value, said] of settings) {
    await work.ok(["up", "--detach", "--port", "0", "--runtime", "process"], {
      environment: {
        OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
        OTEL_BSP_SCHEDULE_DELAY: "0",
        [variable]: value,
      },
    });
    await work.ok(["chaincode", "list", "--installed"]);
    await work.ok(["down"]);
    assert.match(Deno.readTextFileSync(join(work.directory, ".denim", "denim.log")), said);
  }
});
