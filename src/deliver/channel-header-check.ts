/** Is a seek request's channel header fresh, and bound to its connection? Mirrors common/deliver and core/comm/util.go. */
import type { Clock } from "../base/clock.ts";
import { equal, hex } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { sha256 } from "../crypto/hash.ts";
import type { ChannelHeader } from "../gen/common/common_pb.ts";
import { timestampToMs } from "../protocol/timestamp.ts";

export interface ChannelHeaderRules {
  /** Greatest distance between the request's time and ours, either way. */
  readonly timeWindowMs: number;
  /** The header must carry the hash of the client's TLS certificate. */
  readonly mutualTls: boolean;
  readonly clock: Clock;
}

/** @throws DenimError `missing-timestamp`, `outside-time-window`, `tls-binding` */
export function checkChannelHeader(
  header: ChannelHeader,
  clientCertificate: Uint8Array | undefined,
  rules: ChannelHeaderRules,
): void {
  if (!header.timestamp) {
    throw new DenimError(
      "missing-timestamp",
      "channel header in envelope must contain timestamp",
    );
  }
  const at = timestampToMs(header.timestamp);
  const now = rules.clock.now();
  if (!(Math.abs(now - at) <= rules.timeWindowMs)) {
    throw new DenimError(
      "outside-time-window",
      `envelope timestamp ${timeText(at)} is more than ${rules.timeWindowMs}ms apart from ` +
        `current server time ${timeText(now)}`,
      { at, now, timeWindowMs: rules.timeWindowMs },
      "Set the clocks of client and server right.",
    );
  }
  if (rules.mutualTls) checkTlsBinding(header.tlsCertHash, clientCertificate);
}

function checkTlsBinding(claimed: Uint8Array, certificate: Uint8Array | undefined): void {
  if (claimed.length === 0) {
    throw new DenimError("tls-binding", "client didn't include its TLS cert hash");
  }
  if (!certificate) {
    throw new DenimError("tls-binding", "client didn't send a TLS certificate");
  }
  const actual = sha256(certificate);
  if (equal(actual, claimed)) return;
  throw new DenimError(
    "tls-binding",
    `claimed TLS cert hash is ${hex(claimed)} but actual TLS cert hash is ${hex(actual)}`,
  );
}

/** ISO time, also for times that Date cannot hold. */
function timeText(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`;
}
