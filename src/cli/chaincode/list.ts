/** `chaincode list`. Mirrors peer/chaincode/list.go. */
import { hex } from "../../base/bytes.ts";
import { DenimError } from "../../base/errors.ts";
import { query } from "../../client/endorse.ts";
import type { ChaincodeInfo } from "../../gen/peer/query_pb.ts";
import { ChaincodeQueryResponseSchema } from "../../gen/peer/query_pb.ts";
import { decode } from "../../protocol/decode.ts";
import { invocationOf } from "../../protocol/proposal.ts";
import type { CommandHandler } from "../command.ts";
import { openSession, peersOf } from "../session.ts";
import { channelOf } from "./call.ts";
import { during } from "./failures.ts";

export const list: CommandHandler = async (invocation) => {
  const { flags, terminal } = invocation;
  const installed = flags.boolean("installed");
  const instantiated = flags.boolean("instantiated");
  const channelId = instantiated ? channelOf(invocation) : "";
  if (installed === instantiated) {
    throw new DenimError("usage", 'Must explicitly specify "--installed" or "--instantiated"');
  }
  const session = await openSession(invocation, "chaincodeCmd");
  try {
    const peers = await peersOf(invocation, session);
    const payload = await during(
      "Error endorsing chaincode",
      query(
        { signer: session.client.signer, clock: session.client.clock, peers },
        channelId,
        invocationOf("lscc", [installed ? "getinstalledchaincodes" : "getchaincodes"]),
        { signal: terminal.interrupted },
      ),
    );
    terminal.out(
      installed
        ? "Get installed chaincodes on peer:\n"
        : `Get instantiated chaincodes on channel ${channelId}:\n`,
    );
    for (const info of decode(ChaincodeQueryResponseSchema, payload).chaincodes) {
      terminal.out(`${infoText(info)}\n`);
    }
  } finally {
    session.close();
  }
};

/** `Name: mycc, Version: 1.0, Path: …`: what is not empty, in the message's order. */
function infoText(info: ChaincodeInfo): string {
  const fields: [string, string][] = [
    ["Name", info.name],
    ["Version", info.version],
    ["Path", info.path],
    ["Input", info.input],
    ["Escc", info.escc],
    ["Vscc", info.vscc],
    ["Id", hex(info.id)],
  ];
  return fields.filter(([, value]) => value !== "").map(([name, value]) => `${name}: ${value}`)
    .join(", ");
}
