/**
 * Chaincode that an administrator runs beside the peer (`denim chaincode dev`): while it is attached,
 * the peer accepts it under its name whenever it dials in, and launches nothing in its place.
 */
import { DenimError } from "../base/errors.ts";
import type { ChaincodeTls } from "../runtime/types.ts";
import type { Authenticator } from "./authenticator.ts";
import type { HandlerRegistry } from "./handler-registry.ts";

export interface Attachment {
  /** host:port that the chaincode dials. */
  readonly address: string;
  /** Undefined when chaincode TLS is off. Valid until `release`. */
  readonly tls: ChaincodeTls | undefined;
  /** Ends it, and the chaincode's stream. Safe to call twice. */
  release(): void;
}

export interface AttachmentsOptions {
  readonly registry: HandlerRegistry;
  /** Undefined when chaincode TLS is off. */
  readonly authenticator: Authenticator | undefined;
  /** host:port that chaincode dials. */
  readonly address: string;
  /** Ends the peer's own instance. */
  stop(instance: string): Promise<void>;
}

export class Attachments {
  readonly #attached = new Set<string>();

  constructor(private readonly options: AttachmentsOptions) {}

  /** Is `name:version` somebody's own? */
  has(instance: string): boolean {
    return this.#attached.has(instance);
  }

  /**
   * @param onEvent told when the chaincode has registered and when its stream has ended
   * @throws DenimError `already-attached`
   */
  async attach(
    instance: string,
    onEvent: (event: "registered" | "disconnected") => void,
  ): Promise<Attachment> {
    if (this.#attached.has(instance)) {
      throw new DenimError(
        "already-attached",
        `chaincode ${instance} is attached to somebody already`,
        { instance },
        "Is another `denim chaincode dev` running for it? End that one first.",
      );
    }
    const { registry, authenticator, address } = this.options;
    this.#attached.add(instance);
    try {
      await this.options.stop(instance);
      const issued = await authenticator?.issueUntilWithdrawn(instance);
      registry.permit(instance, onEvent);
      return {
        address,
        tls: issued?.tls,
        release: () => {
          if (!this.#attached.delete(instance)) return;
          registry.forbid(instance);
          issued?.withdraw();
          registry.handler(instance)?.close();
        },
      };
    } catch (error) {
      this.#attached.delete(instance);
      throw error;
    }
  }
}
