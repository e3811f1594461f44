/** What every message must pass before it is ordered. Mirrors orderer/common/msgprocessor's rules. */
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { ChannelBundle } from "../channel/bundle.ts";
import { identityExpiresAt } from "../deliver/session-access.ts";
import type { Envelope } from "../gen/common/common_pb.ts";
import { ConsensusType_State } from "../gen/orderer/configuration_pb.ts";
import type { SignedData } from "../policy/types.ts";
import { envelopeSignedData } from "../protocol/signed-data.ts";
import { messageBytes } from "./block-cutter.ts";
import { ordererError, withContext } from "./orderer-error.ts";
import { ordererConfig } from "./orderer-config.ts";

/**
 * Empty messages, expired identities, messages that are too large, signatures that do not satisfy
 * /Channel/Writers: in this order.
 * @throws DenimError `bad-message`, `permission-denied`
 */
export function filterMessage(message: Envelope, bundle: ChannelBundle, clock: Clock): void {
  if (message.payload.length === 0) throw ordererError("bad-message", "Message was empty");
  const signed = signedDataOf(message);
  const orderer = ordererConfig(bundle);
  if (orderer.capabilities.expirationCheck) {
    const expiresAt = identityExpiresAt(signed.identity);
    if (expiresAt !== undefined && clock.now() >= expiresAt) {
      throw ordererError("bad-message", "identity expired", { expiresAt });
    }
  }
  const size = messageBytes(message);
  if (size > orderer.absoluteMaxBytes) {
    throw ordererError(
      "bad-message",
      `message payload is ${size} bytes and exceeds maximum allowed ${orderer.absoluteMaxBytes} bytes`,
      { size, absoluteMaxBytes: orderer.absoluteMaxBytes },
    );
  }
  checkSignature(signed, bundle, "/Channel/Writers", "/Channel/Orderer/Writers");
}

/** May the signer read this channel's blocks? @throws DenimError `permission-denied`, `bad-message` */
export function checkReader(signed: SignedData, bundle: ChannelBundle): void {
  checkSignature(signed, bundle, "/Channel/Readers", "/Channel/Orderer/Readers");
}

function signedDataOf(message: Envelope): SignedData {
  return withContext("could not convert message to signedData", () => envelopeSignedData(message))[
    0
  ];
}

function checkSignature(
  signed: SignedData,
  bundle: ChannelBundle,
  normalPolicy: string,
  maintenancePolicy: string,
): void {
  const maintenance = ordererConfig(bundle).consensusState === ConsensusType_State.MAINTENANCE;
  const name = maintenance ? maintenancePolicy : normalPolicy;
  const policy = bundle.policyManager.policy(name);
  if (!policy) throw ordererError("bad-message", `could not find policy ${name}`, { policy: name });
  try {
    policy.evaluate([signed]);
  } catch (cause) {
    throw ordererError(
      "permission-denied",
      `${messageOf(cause)}: permission denied`,
      { policy: name },
      undefined,
      { cause },
    );
  }
}
