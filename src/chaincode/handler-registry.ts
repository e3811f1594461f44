/** Which chaincode instances are connected, and which are expected. Mirrors core/chaincode/handler_registry.go. */
import { Deferred } from "../base/async.ts";
import { DenimError } from "../base/errors.ts";
import type { Handler } from "./handler.ts";

export class HandlerRegistry {
  readonly #handlers = new Map<string, Handler>();
  readonly #expected = new Map<string, Deferred<Handler>>();
  readonly #permitted = new Map<string, (event: "registered" | "disconnected") => void>();

  /** @param allowUnsolicited accept chaincode that this peer did not launch (development mode) */
  constructor(readonly allowUnsolicited: boolean) {}

  /** The connected handler of `name:version`, where there is one. */
  handler(instance: string): Handler | undefined {
    return this.#handlers.get(instance);
  }

  /** Announces a launch; the promise resolves with the handler when the instance has become ready. */
  expect(instance: string): Promise<Handler> {
    const ready = new Deferred<Handler>();
    const connected = this.#handlers.get(instance);
    // In development mode the user's chaincode may have come first.
    if (connected !== undefined) ready.resolve(connected);
    else this.#expected.set(instance, ready);
    return ready.promise;
  }

  /** Ends a launch that failed: a late registration is refused from here on. */
  unexpect(instance: string): void {
    this.#expected.delete(instance);
  }

  /** Accepts this instance unasked for, as often as it comes; `onEvent` hears of it. */
  permit(instance: string, onEvent: (event: "registered" | "disconnected") => void): void {
    this.#permitted.set(instance, onEvent);
  }

  forbid(instance: string): void {
    this.#permitted.delete(instance);
  }

  /** @throws DenimError `duplicate-chaincode`, `unexpected-chaincode` with Fabric's text; the stream must end then */
  register(instance: string, handler: Handler): void {
    if (this.#handlers.has(instance)) {
      throw new DenimError("duplicate-chaincode", `duplicate chaincodeID: ${instance}`, {
        instance,
      });
    }
    const welcome = this.#expected.has(instance) || this.#permitted.has(instance);
    if (!welcome && !this.allowUnsolicited) {
      throw new DenimError(
        "unexpected-chaincode",
        `peer will not accept external chaincode connection ${instance} (except in dev mode)`,
        { instance },
      );
    }
    this.#handlers.set(instance, handler);
  }

  /** Wakes whoever launched this instance. */
  ready(instance: string, handler: Handler): void {
    this.#expected.get(instance)?.resolve(handler);
    this.#expected.delete(instance);
    this.#permitted.get(instance)?.("registered");
  }

  /** Removes this very handler; another one under the same name (a refused duplicate's rival) stays. */
  deregister(instance: string, handler: Handler): void {
    if (this.#handlers.get(instance) !== handler) return;
    this.#handlers.delete(instance);
    this.#permitted.get(instance)?.("disconnected");
  }

  /** All connected instances, `name:version` → handler. */
  entries(): [string, Handler][] {
    return [...this.#handlers];
  }
}
