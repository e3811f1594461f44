/** A network's operators: metrics, health and log levels while it works, and its end under load. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { sleep, withDeadline } from "../src/base/async.ts";
import { text, utf8 } from "../src/base/bytes.ts";
import { systemClock } from "../src/base/clock.ts";
import { invokeAndCommit, queryChaincode } from "../src/client/chaincode-lifecycle.ts";
import { networkClient } from "../src/client/network-client.ts";
import { readRunningNetwork, type RunningNetwork } from "../src/client/running-network.ts";
import { ChaincodeSpec_Type } from "../src/gen/peer/chaincode_pb.ts";
import { ask } from "../src/operations/testing.ts";
import { assetExample, repository, Workplace } from "./support/denim.ts";

const channelId = "mychannel";
/** The end takes about a second; a busy machine gets more. */
const endMs = 30_000;
const waitMs = 60_000;

const call = (...args: string[]) => ({
  name: "asset",
  version: "",
  path: "",
  type: ChaincodeSpec_Type.NODE,
  args: args.map(utf8),
});

/** Two peers with an orderer in one process, each with an operations listener; stderr is kept. */
class ForegroundNetwork {
  err = "";
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<void>;

  constructor(work: Workplace) {
    const process = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--no-check", join(repository, "main.ts"), "up", "--orgs", "2"],
        ...["--port", "0", "--runtime", "process"],
      ],
      cwd: work.directory,
      env: { ...work.environment, CORE_OPERATIONS_LISTENADDRESS: "127.0.0.1:0" },
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#process = process;
    this.#reading = (async () => {
      for await (const part of process.stderr.pipeThrough(new TextDecoderStream())) {
        this.err += part;
      }
    })();
  }

  /** The network, once it is ready. */
  async ready(directory: string): Promise<RunningNetwork> {
    const deadline = Date.now() + waitMs;
    for (;;) {
      const network = readRunningNetwork(directory);
      if (network) return network;
      assert(Date.now() < deadline, `not ready:\n${this.err}`);
      await sleep(20);
    }
  }

  get operationsAddresses(): string[] {
    return [...this.err.matchAll(/operations at http:\/\/(\S+)/g)].map(([, address]) => address);
  }

  /** @returns the exit code */
  async stop(): Promise<number> {
    this.#process.kill("SIGTERM");
    const { code } = await withDeadline(this.#process.status, endMs, "the end of the network");
    await this.#reading;
    return code;
  }
}

Deno.test("operators see what a network does, and can end it while it works", async (t) => {
  await using work = new Workplace();
  const directory = join(work.directory, ".denim");
  const process = new ForegroundNetwork(work);
  const network = await process.ready(directory);
  let ended = false;
  try {
    await work.ok(["chaincode", "deploy", assetExample, "-n", "asset", "-v", "1"]);
    const [org] = network.organizations;
    const client = await networkClient(network, org, systemClock);
    try {
      await invokeAndCommit(client, channelId, call("create", "first", "ann", "1"));
      await assert.rejects(queryChaincode(client, channelId, call("read", "nothing")));

      await t.step("every peer has its own listener; each is healthy", async () => {
        assert.equal(new Set(process.operationsAddresses).size, 2, process.err);
        for (const address of process.operationsAddresses) {
          const { status, body } = await ask(address, "/healthz");
          assert.deepEqual([status, JSON.parse(body).status], [200, "OK"]);
        }
      });

      await t.step("the metrics that dashboards know are there", async () => {
        const bodies = await Promise.all(
          process.operationsAddresses.map(async (one) => (await ask(one, "/metrics")).body),
        );
        const body = bodies.find((one) => one.includes("chaincode_shim_requests_received{")) ?? "";
        for (const series of expectedSeries) {
          assert(body.includes(`\n${series} `), `no ${series} in\n${body}`);
        }
      });

      await t.step("log levels are set and read by command", async () => {
        const logging = async (...args: string[]) => {
          const { code, out, err } = await work.run(["logging", ...args]);
          assert.deepEqual([code, out], [0, ""], err);
          return err.replace(/^.*\] -> INFO 001 /, "").trim();
        };
        const level = "Log level set for logger name/prefix 'gossip': DEBUG";
        assert.equal(await logging("setlevel", "gossip", "debug"), level);
        const current = "Current log level for logger 'gossip.comm': DEBUG";
        assert.equal(await logging("getlevel", "gossip.comm"), current);
        assert.equal(await logging("getlogspec"), "Current logging spec: gossip=debug:info");
        assert.equal(
          await logging("setlogspec", "warning"),
          "Current logging spec set to: warning",
        );
        const reverted = "Logging spec reverted to the peer's spec at startup.";
        assert.equal(await logging("revertlevels"), reverted);
        const wrong = await work.run(["logging", "setlogspec", "a=b=c"]);
        assert.equal(wrong.code, 1);
        assert.match(
          wrong.err,
          /^Error: invalid logging specification 'a=b=c': bad segment 'a=b=c'$/m,
        );
        const usage = await work.run(["logging", "setlevel", "gossip", "loud"]);
        assert.equal(usage.code, 1);
        assert.match(usage.err, /^Error: invalid log level provided - loud\nUsage:/);
      });

      await t.step("told to end, it does so in the middle of everything, with code 0", async () => {
        const committed: string[] = [];
        let told = false;
        const workers = Array.from({ length: 4 }, async (_, worker) => {
          for (let i = 0;; i++) {
            const id = `w${worker}-${i}`;
            try {
              await invokeAndCommit(client, channelId, call("create", id, "ann", "1"));
              committed.push(id);
            } catch (error) {
              if (!told) throw error;
              return;
            }
          }
        });
        const deadline = Date.now() + waitMs;
        while (committed.length < 10) {
          assert(Date.now() < deadline, `only ${committed.length} were committed`);
          await Promise.race([sleep(20), ...workers]);
        }
        told = true;
        const code = await process.stop();
        ended = true;
        assert.equal(code, 0, process.err);
        await withDeadline(Promise.all(workers), endMs, "the ends of all calls");

        await work.ok(["up", "--detach", "--runtime", "process"]);
        const again = readRunningNetwork(directory);
        assert(again);
        const later = await networkClient(again, again.organizations[0], systemClock);
        try {
          const assets = JSON.parse(text(await queryChaincode(later, channelId, call("list"))));
          const known = new Set(assets.map(({ id }: { id: string }) => id));
          assert.deepEqual(committed.filter((id) => !known.has(id)), []);
        } finally {
          later.close();
        }
        const verified = await work.ok(["ledger", "verify", "-C", channelId]);
        assert.match(verified, /signatures are right/);
      });
    } finally {
      client.close();
    }
  } finally {
    if (!ended) await process.stop();
  }
});

const endorsement = 'method="ProcessProposal",service="protos_Endorser"';
const expectedSeries = [
  'chaincode_launch_duration_count{chaincode="asset:1",success="true"}',
  'chaincode_shim_request_duration_count{chaincode="asset:1",channel="mychannel",success="true",type="GET_STATE"}',
  'chaincode_shim_requests_completed{chaincode="asset:1",channel="mychannel",success="true",type="PUT_STATE"}',
  'chaincode_shim_requests_received{chaincode="asset:1",channel="mychannel",type="PUT_STATE"}',
  'deliver_blocks_sent{channel="mychannel",filtered="true"}',
  'deliver_requests_received{channel="mychannel",filtered="true"}',
  "deliver_streams_opened",
  'endorser_propsal_duration_count{chaincode="asset:1",channel="mychannel",success="true"}',
  "endorser_proposals_received",
  "endorser_successful_proposals",
  'fabric_version{version="1.4.2"}',
  "grpc_comm_conn_opened",
  `grpc_server_unary_request_duration_count{code="OK",${endorsement}}`,
  `grpc_server_unary_requests_completed{code="OK",${endorsement}}`,
  `grpc_server_unary_requests_received{${endorsement}}`,
  'grpc_server_stream_requests_received{method="DeliverFiltered",service="protos_Deliver"}',
  'ledger_block_processing_time_count{channel="mychannel"}',
  'ledger_blockchain_height{channel="mychannel"}',
  'ledger_blockstorage_and_pvtdata_commit_time_count{channel="mychannel"}',
  'ledger_blockstorage_commit_time_count{channel="mychannel"}',
  'ledger_statedb_commit_time_count{channel="mychannel"}',
  'ledger_transaction_count{chaincode="asset:1",channel="mychannel",transaction_type="ENDORSER_TRANSACTION",validation_code="VALID"}',
  'ledger_transaction_count{chaincode="unknown",channel="mychannel",transaction_type="CONFIG",validation_code="VALID"}',
  'logging_entries_checked{level="info"}',
  'logging_entries_written{level="info"}',
  "process_resident_memory_bytes",
];
