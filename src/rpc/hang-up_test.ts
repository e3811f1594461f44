/** Clients that hang up in every way, against a server in a process of its own. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { create } from "@bufbuild/protobuf";
import { EnvelopeSchema } from "../gen/common/common_pb.ts";
import { Deliver } from "../gen/peer/events_pb.ts";
import { Endorser } from "../gen/peer/peer_pb.ts";
import { SignedProposalSchema } from "../gen/peer/proposal_pb.ts";
import { createRpcClient } from "./client.ts";
import { createTestAuthority } from "./testing-certs.ts";

/** Without the work-around, one in some hundred connections took the server down. */
const connections = 1_500;

Deno.test("a server outlives clients that hang up in the middle of anything", async () => {
  const directory = await Deno.makeTempDir();
  const authority = await createTestAuthority("hang-up");
  const issued = await authority.issue("server");
  const files = [join(directory, "server.crt"), join(directory, "server.key")];
  await Deno.writeTextFile(files[0], issued.certificate);
  await Deno.writeTextFile(files[1], issued.key);
  await using server = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check"],
      fileURLToPath(new URL("testing-server-process.ts", import.meta.url)),
      ...files,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  try {
    const reader = server.stdout.getReader();
    const address = new TextDecoder().decode((await reader.read()).value).trim();
    await reader.cancel();
    const connect = () =>
      createRpcClient({
        address,
        tls: { rootCertificates: [authority.root] },
        connectTimeoutMs: 5_000,
      });
    const proposal = create(SignedProposalSchema);
    for (let i = 0; i < connections; i++) {
      const client = connect();
      if (i % 3 !== 0) {
        const stream = client.stream(Deliver.method.deliver);
        await stream.send(create(EnvelopeSchema));
        for await (const _ of stream.responses) break;
        if (i % 2 === 0) stream.cancel();
      }
      await client.unary(Endorser.method.processProposal, proposal);
      if (i % 5 === 0) {
        const stream = client.stream(Deliver.method.deliver);
        stream.send(create(EnvelopeSchema)).catch(() => {});
      }
      await client.close();
    }
    const last = connect();
    const { version } = await last.unary(Endorser.method.processProposal, proposal);
    assert.equal(version, 1);
    await last.close();
  } finally {
    server.kill("SIGKILL");
    await server.status;
    await Deno.remove(directory, { recursive: true });
  }
});
