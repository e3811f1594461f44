/** What makes two packages the same build, whatever name and version they are installed under. */
import { createHash } from "node:crypto";
import { ChaincodeSpec_Type } from "../gen/peer/chaincode_pb.ts";
import type { ChaincodeToRun, LaunchObserver } from "./types.ts";

/**
 * @param means what else the outcome depends on, such as the names of images
 * @returns hexadecimal SHA-256
 */
export function buildKey(chaincode: ChaincodeToRun, means: readonly string[] = []): string {
  const { type, path, codePackage } = chaincode;
  // Only Go's build depends on the path.
  const place = type === ChaincodeSpec_Type.GOLANG ? path : "";
  return createHash("sha256")
    .update(JSON.stringify([ChaincodeSpec_Type[type] ?? type, place, ...means]))
    .update("\0")
    .update(codePackage)
    .digest("hex");
}

/** Tells someone who asks for a build that runs already how long it has been running. */
export function tellJoined(observer: LaunchObserver, runningForMs: number, now: number): void {
  const text = `build still running, started ${
    Math.round(runningForMs / 1000)
  } s ago; waiting for it`;
  observer.step("build", "begin", { joined: true, runningForMs });
  observer.output({ at: now, stream: "build", text });
}
