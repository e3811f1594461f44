/** The Gateway service of Fabric 2.4 and later, over a 1.4 ledger. Mirrors internal/pkg/gateway/gateway.go. */
import { Gateway } from "../gen/gateway/gateway_pb.ts";
import { ConcurrencyLimit } from "../rpc/concurrency-limit.ts";
import type { ServiceHandlers } from "../rpc/types.ts";
import { EventStreams } from "./chaincode-events.ts";
import { CommitNotifier } from "./commit-notifier.ts";
import { commitStatus } from "./commit-status.ts";
import { Connections } from "./connections.ts";
import { EndorsementCollector } from "./endorse.ts";
import { Evaluator } from "./evaluate.ts";
import { FirstEndorsement } from "./first-endorsement.ts";
import { Peers } from "./peers.ts";
import { Submitter } from "./submit.ts";
import type { GatewayDependencies } from "./types.ts";

export interface GatewayService {
  readonly handlers: ServiceHandlers<typeof Gateway>;
  /** What is held now, for tests and for metrics. */
  usage(): { readonly calls: number; readonly waitingForCommit: number };
  /** Ends waiting calls and streams, and the connections to other peers and to orderers. */
  close(): Promise<void>;
}

export function createGateway(dependencies: GatewayDependencies): GatewayService {
  const { connect, timeouts, logger } = dependencies;
  const connections = new Connections((address, roots) => connect(address, roots, timeouts.dialMs));
  const peers = new Peers(dependencies, connections);
  const first = new FirstEndorsement(dependencies, peers);
  const evaluator = new Evaluator(dependencies, peers);
  const collector = new EndorsementCollector(dependencies, peers, first);
  const submitter = new Submitter(dependencies, connections);
  const notifier = new CommitNotifier();
  const events = new EventStreams(dependencies);
  const limit = new ConcurrencyLimit(
    `/${Gateway.typeName}`,
    dependencies.maxConcurrentCalls,
    logger,
  );
  return {
    handlers: {
      evaluate: (request, { signal }) => limit.run(() => evaluator.evaluate(request, signal)),
      endorse: (request, { signal }) => limit.run(() => collector.endorse(request, signal)),
      submit: (request, { signal }) => limit.run(() => submitter.submit(request, signal)),
      commitStatus: (request, { signal }) =>
        limit.run(() => commitStatus(request, signal, dependencies, notifier)),
      chaincodeEvents: (request, { signal }) => limit.iterate(() => events.stream(request, signal)),
    },
    usage: () => ({ calls: limit.running, waitingForCommit: notifier.waiting }),
    close: async () => {
      events.close();
      notifier.close();
      await connections.close();
    },
  };
}
