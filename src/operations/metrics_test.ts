import assert from "node:assert/strict";
import { disabledMetrics } from "../base/metrics.ts";
import { goFloat } from "./go-float.ts";
import { PrometheusProvider } from "./prometheus.ts";
import { maxSeriesPerMetric, SeriesOf } from "./series.ts";
import { StatsdProvider } from "./statsd.ts";

Deno.test("numbers look as Go prints them", () => {
  const cases: [number, string][] = [
    [0, "0"],
    [-0, "-0"],
    [1, "1"],
    [-1.5, "-1.5"],
    [0.005, "0.005"],
    [0.0001, "0.0001"],
    [0.00001, "1e-05"],
    [123456, "123456"],
    [999999.5, "999999.5"],
    [1000000, "1e+06"],
    [23478272, "2.3478272e+07"],
    [1e21, "1e+21"],
    [1.5e-7, "1.5e-07"],
    [Infinity, "+Inf"],
    [-Infinity, "-Inf"],
    [NaN, "NaN"],
  ];
  for (const [value, text] of cases) assert.equal(goFloat(value), text);
});

Deno.test("counters and gauges in the text format: sorted, escaped, without those never used", () => {
  const provider = new PrometheusProvider();
  const requests = provider.counter({
    namespace: "b",
    subsystem: "server",
    name: "requests",
    help: "Requests \\ by\nkind.",
    labelNames: ["service", "code"],
  });
  requests.with("z", "OK").add(1);
  requests.with("a", "Unknown").add(2);
  requests.with('q"\\\n', "OK").add(1);
  requests.with("z", "OK").add(0.5);
  provider.counter({ namespace: "c", name: "never_used", help: "x" });
  provider.gauge({ namespace: "a", name: "height", help: "Height." }).set(7);
  assert.equal(
    provider.text(),
    [
      "# HELP a_height Height.",
      "# TYPE a_height gauge",
      "a_height 7",
      "# HELP b_server_requests Requests \\\\ by\\nkind.",
      "# TYPE b_server_requests counter",
      'b_server_requests{code="OK",service="q\\"\\\\\\n"} 1',
      'b_server_requests{code="OK",service="z"} 1.5',
      'b_server_requests{code="Unknown",service="a"} 2',
      "",
    ].join("\n"),
  );
});

Deno.test("histograms have cumulative buckets, sum and count; a bound belongs to its bucket", () => {
  const provider = new PrometheusProvider();
  const time = provider.histogram({
    name: "time",
    help: "T",
    labelNames: ["x"],
    buckets: [0.1, 1],
  });
  for (const value of [0.1, 0.5, 1, 30]) time.with("v").observe(value);
  assert.equal(
    provider.text(),
    [
      "# HELP time T",
      "# TYPE time histogram",
      'time_bucket{x="v",le="0.1"} 1',
      'time_bucket{x="v",le="1"} 3',
      'time_bucket{x="v",le="+Inf"} 4',
      'time_sum{x="v"} 31.6',
      'time_count{x="v"} 4',
      "",
    ].join("\n"),
  );
  const plain = provider.histogram({ name: "default_time", help: "T" });
  plain.observe(3);
  assert.match(
    provider.text(),
    /default_time_bucket\{le="2.5"\} 0\ndefault_time_bucket\{le="5"\} 1/,
  );
});

Deno.test("the same options give the same metric; another kind under the name is refused", () => {
  const provider = new PrometheusProvider();
  provider.counter({ name: "n", help: "" }).add(1);
  provider.counter({ name: "n", help: "" }).add(1);
  assert.match(provider.text(), /^n 2$/m);
  assert.throws(() => provider.gauge({ name: "n", help: "" }), { code: "metric-type" });
  assert.throws(() => provider.counter({ name: "n", help: "" }).with("v"), {
    code: "metric-labels",
  });
  assert.throws(() => provider.counter({ name: "n", help: "" }).add(-1), { code: "metric-value" });
});

Deno.test("values can be collected when they are asked for", () => {
  const provider = new PrometheusProvider();
  const gauge = provider.gauge({ name: "g", help: "" });
  let asked = 0;
  provider.onCollect(() => gauge.set(++asked));
  provider.text();
  assert.match(provider.text(), /^g 2$/m);
});

Deno.test("a metric has no more series than its limit; what goes beyond is not kept", () => {
  const options = { name: "n", help: "", labelNames: ["l"] };
  const series = new SeriesOf(options, (values) => ({ values }), 2);
  assert.equal(series.of(["a"]), series.of(["a"]));
  series.of(["b"]);
  assert.equal(series.of(["c"]), series.of(["d"]));
  assert.deepEqual(series.all().map(({ labelValues }) => labelValues), [["a"], ["b"]]);
  const provider = new PrometheusProvider();
  const counter = provider.counter(options);
  for (let i = 0; i < maxSeriesPerMetric + 5; i++) counter.with(String(i)).add(1);
  assert.equal(provider.text().split("\n").length, maxSeriesPerMetric + 2 + 1);
});

Deno.test("StatsD lines: sums of counters, last values of gauges, every timing, names with label values", () => {
  const provider = new StatsdProvider("org1_peer0");
  const requests = provider.counter({
    namespace: "grpc",
    subsystem: "server",
    name: "unary_requests_completed",
    help: "",
    labelNames: ["service", "method", "code"],
  });
  requests.with("protos_Endorser", "ProcessProposal", "OK").add(1);
  requests.with("protos_Endorser", "ProcessProposal", "OK").add(2);
  const height = provider.gauge({
    namespace: "ledger",
    name: "blockchain_height",
    help: "",
    labelNames: ["channel"],
  });
  height.with("my.channel|a:b c").set(3);
  height.with("my.channel|a:b c").set(4);
  const time = provider.histogram({ name: "time", help: "" });
  time.observe(0.0125);
  time.observe(2);
  assert.deepEqual(provider.take(), {
    lines: [
      "org1_peer0.grpc.server.unary_requests_completed.protos_Endorser.ProcessProposal.OK:3.000000|c",
      "org1_peer0.ledger.blockchain_height.my_channel_a_b_c:4.000000|g",
      "org1_peer0.time:0.012500|ms",
      "org1_peer0.time:2.000000|ms",
    ],
    droppedTimings: 0,
  });
  assert.deepEqual(provider.take(), { lines: [], droppedTimings: 0 });
  height.with("my.channel|a:b c").add(2);
  assert.deepEqual(provider.take().lines, [
    "org1_peer0.ledger.blockchain_height.my_channel_a_b_c:6.000000|g",
  ]);
});

Deno.test("StatsD: timings beyond the limit are dropped and counted; prefixes end with one point", () => {
  const provider = new StatsdProvider("p.", 2);
  const time = provider.histogram({ name: "t", help: "" });
  for (let i = 0; i < 5; i++) time.observe(i);
  const { lines, droppedTimings } = provider.take();
  assert.deepEqual([lines, droppedTimings], [["p.t:0.000000|ms", "p.t:1.000000|ms"], 3]);
  const bare = new StatsdProvider("");
  bare.counter({ name: "c", help: "" }).add(1);
  assert.deepEqual(bare.take().lines, ["c:1.000000|c"]);
});

Deno.test("switched off, metrics are there and do nothing", () => {
  const options = { name: "n", help: "", labelNames: ["l"] };
  disabledMetrics.counter(options).with("v").add(1);
  disabledMetrics.gauge(options).with("v").set(1);
  disabledMetrics.histogram(options).with("v").observe(1);
  assert.equal(disabledMetrics.enabled, false);
});
