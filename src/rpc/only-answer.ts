/** One request and one answer over a call that could carry more of either. */
import type { ClientStream } from "./types.ts";

/** A server that has answered may take so long to end the call. */
const farewellMs = 1_000;

/**
 * Sends the request and nothing more, takes the first answer and lets the server end the call: one
 * that is broken off under its hands stands in its log and its metrics as cancelled.
 * @param onSent called when the request was handed to the transport
 * @returns undefined if the call ended well and without an answer
 * @throws RpcError when it ended otherwise before an answer
 */
export async function onlyAnswer<I, O>(
  stream: ClientStream<I, O>,
  request: I,
  onSent?: () => void,
): Promise<O | undefined> {
  let answer: O | undefined;
  let farewell: ReturnType<typeof setTimeout> | undefined;
  try {
    await stream.send(request);
    onSent?.();
    stream.closeSend();
    for await (const response of stream.responses) {
      if (answer !== undefined) continue;
      answer = response;
      farewell = setTimeout(() => stream.cancel(), farewellMs);
    }
  } catch (error) {
    if (answer === undefined) throw error;
  } finally {
    clearTimeout(farewell);
    stream.cancel();
  }
  return answer;
}
