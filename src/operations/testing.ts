/** A client for tests of the operations listener: one request, one connection. */
import http from "node:http";
import https from "node:https";
import { DenimError } from "../base/errors.ts";

export interface TestAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly requestId: string | undefined;
  readonly body: string;
}

export interface TestRequest {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
  readonly tls?: { readonly ca: string; readonly cert?: string; readonly key?: string };
}

/** A test's request must be answered within this. */
const answerTimeoutMs = 30_000;

/** @throws where the connection is refused or broken */
export function ask(address: string, path: string, request: TestRequest = {}): Promise<TestAnswer> {
  const { tls, method = "GET", body, headers } = request;
  return new Promise((resolve, reject) => {
    const options = { method, agent: false as const, timeout: answerTimeoutMs, headers, ...tls };
    const sent = tls
      ? https.request(`https://${address}${path}`, options)
      : http.request(`http://${address}${path}`, options);
    sent.on("error", reject);
    sent.on(
      "timeout",
      () => sent.destroy(new DenimError("no-answer", `${path} was not answered`)),
    );
    sent.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => text += chunk);
      response.on("error", reject);
      response.on("end", () => {
        const id = response.headers["x-request-id"];
        resolve({
          status: response.statusCode ?? 0,
          contentType: response.headers["content-type"],
          requestId: typeof id === "string" ? id : undefined,
          body: text,
        });
      });
    });
    sent.end(body);
  });
}
