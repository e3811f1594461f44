/** `chaincode instantiate` and `chaincode upgrade`. Mirrors peer/chaincode/{instantiate,upgrade}.go. */
import { toBinary } from "@bufbuild/protobuf";
import { emptyBytes, text } from "../../base/bytes.ts";
import { DenimError, messageOf } from "../../base/errors.ts";
import { parseCollectionsConfig } from "../../client/collections-config.ts";
import { endorse, transactionOf } from "../../client/endorse.ts";
import { deployInvocation, type Deployment } from "../../client/lifecycle.ts";
import { SignaturePolicyEnvelopeSchema } from "../../gen/common/policies_pb.ts";
import { parsePolicy } from "../../policy/parse-policy.ts";
import type { CommandHandler, Invocation } from "../command.ts";
import { openSession, ordererOf, peersOf } from "../session.ts";
import { chaincodeCall, channelOf, readNamedFile, tellPlugins } from "./call.ts";
import { during } from "./failures.ts";
import { refused, type Trace, traceOf } from "./trace.ts";

export const instantiate: CommandHandler = (invocation) => deploy(invocation, "deploy");
export const upgrade: CommandHandler = (invocation) => deploy(invocation, "upgrade");

async function deploy(untraced: Invocation, kind: "deploy" | "upgrade"): Promise<void> {
  const trace = traceOf(untraced);
  try {
    await traced(trace, kind);
  } finally {
    await trace.close();
  }
}

async function traced(trace: Trace, kind: "deploy" | "upgrade"): Promise<void> {
  const { invocation } = trace;
  const { terminal, flags } = invocation;
  const deployment = await deploymentOf(invocation);
  const { channelId } = deployment;
  const session = await openSession(invocation, "chaincodeCmd");
  try {
    tellPlugins(flags, session.logger);
    const peers = await peersOf(invocation, session);
    const proposer = { signer: session.client.signer, clock: session.client.clock, peers };
    const orderer = await during(
      `error getting channel (${channelId}) orderer endpoint`,
      ordererOf(invocation, session, peers),
    );
    const endorsed = await during(
      "error endorsing chaincode",
      trace.step("endorse", () =>
        endorse(proposer, channelId, deployInvocation(kind, deployment), {
          signal: terminal.interrupted,
          beforeSending: (txId) => trace.watch(session.client, peers, deployment.call.name, txId),
        }), refused),
    );
    let transaction;
    try {
      transaction = transactionOf(proposer, endorsed);
    } catch (error) {
      throw new DenimError(
        "not-endorsed",
        `could not assemble transaction, err ${messageOf(error)}`,
        { txId: endorsed.txId },
      );
    }
    await trace.step("order", () => orderer.broadcast(transaction));
  } finally {
    session.close();
  }
}

/** @throws UsageError, DenimError for a bad policy or collections file */
async function deploymentOf(invocation: Invocation): Promise<Deployment> {
  const { flags, path } = invocation;
  const channelId = channelOf(invocation);
  const call = chaincodeCall(invocation, { version: path.at(-1) });
  const collectionsFile = flags.string("collections-config");
  return {
    channelId,
    call,
    policy: policyBytes(flags.string("policy")),
    escc: flags.string("escc") || "escc",
    vscc: flags.string("vscc") || "vscc",
    collections: collectionsFile === "" ? undefined : await collectionsOf(collectionsFile),
  };
}

export function policyBytes(expression: string): Uint8Array {
  if (expression === "") return emptyBytes;
  try {
    return toBinary(SignaturePolicyEnvelopeSchema, parsePolicy(expression));
  } catch (error) {
    throw new DenimError(
      "invalid-policy",
      `invalid policy ${expression}: ${messageOf(error)}`,
      { policy: expression },
      `write policies as "AND('Org1MSP.member','Org2MSP.member')"`,
    );
  }
}

export async function collectionsOf(file: string): Promise<Uint8Array> {
  const json = text(await readNamedFile(file, "collection configuration file"));
  return await during(
    `invalid collection configuration in file ${file}`,
    Promise.resolve().then(() => parseCollectionsConfig(json)),
  );
}
