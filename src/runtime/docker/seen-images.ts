/** Images that were there a moment ago: a start that follows a build need not look again. */
import type { Clock } from "../../base/clock.ts";

/** An image that was there so short a time ago is taken to be there. */
export const trustedImageMs = 2_000;

export class SeenImages {
  readonly #seen = new Map<string, { readonly packageId: string; readonly at: number }>();

  constructor(private readonly clock: Clock) {}

  /** An image of this package has been seen under this name. */
  saw(image: string, packageId: string): void {
    this.#seen.set(image, { packageId, at: this.clock.now() });
  }

  justSaw(image: string, packageId: string): boolean {
    const seen = this.#seen.get(image);
    if (seen === undefined || seen.packageId !== packageId) return false;
    return this.clock.now() - seen.at <= trustedImageMs;
  }
}
