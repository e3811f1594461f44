import assert from "node:assert/strict";
import { SeenImages, trustedImageMs } from "./seen-images.ts";

Deno.test("an image is trusted for a moment, and only for the package that it was seen with", () => {
  const clock = { at: 1_000, now: () => clock.at };
  const images = new SeenImages(clock);
  assert.equal(images.justSaw("image", "one"), false);
  images.saw("image", "one");
  assert.equal(images.justSaw("image", "one"), true);
  assert.equal(images.justSaw("image", "two"), false);
  clock.at += trustedImageMs + 1;
  assert.equal(images.justSaw("image", "one"), false);
});
