// As instrumented.py, in JavaScript: the official openai client, OpenTelemetry's instrumentation and
// its exporters, which send OTLP/HTTP as JSON or protobuf, packed with gzip in chunks.
//
//     npm install openai @opentelemetry/{api,sdk-trace-node,sdk-logs,resources,instrumentation} \
//       @opentelemetry/{instrumentation-openai,exporter-trace-otlp-http,exporter-trace-otlp-proto} \
//       @opentelemetry/exporter-logs-otlp-http
//     node instrumented.cjs json|proto ENDPOINT UPSTREAM [gzip]
//
// Prints how many calls were made. Run by hand: continuous integration has no npm packages.
const [, , format, endpoint, upstream, compression] = process.argv;
const { NodeTracerProvider, BatchSpanProcessor } = require("@opentelemetry/sdk-trace-node");
const { LoggerProvider, BatchLogRecordProcessor } = require("@opentelemetry/sdk-logs");
const { resourceFromAttributes } = require("@opentelemetry/resources");
const { registerInstrumentations } = require("@opentelemetry/instrumentation");
const { OpenAIInstrumentation } = require("@opentelemetry/instrumentation-openai");
const { OTLPLogExporter } = require("@opentelemetry/exporter-logs-otlp-http");
const { OTLPTraceExporter } = require(
  `@opentelemetry/exporter-trace-otlp-${format === "json" ? "http" : "proto"}`,
);

const packed = compression ? { compression } : {};
const resource = resourceFromAttributes({ "service.name": "gateway", "user.id": "acct-otel" });
const spans = new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, ...packed });
const logs = new OTLPLogExporter({ url: `${endpoint}/v1/logs`, ...packed });
const tracerProvider = new NodeTracerProvider({
  resource,
  spanProcessors: [new BatchSpanProcessor(spans)],
});
const loggerProvider = new LoggerProvider({
  resource,
  processors: [new BatchLogRecordProcessor({ exporter: logs })],
});
tracerProvider.register();
registerInstrumentations({
  instrumentations: [new OpenAIInstrumentation({ captureMessageContent: true })],
  tracerProvider,
  loggerProvider,
});
const OpenAI = require("openai"); // after the instrumentation, which patches it

async function main() {
  const client = new OpenAI({ baseURL: `${upstream}/v1`, apiKey: "sk-none", maxRetries: 0 });
  const ask = (text, more) =>
    client.chat.completions.create({
      model: "gpt-4o-mini",
      messages: [
        { role: "system", content: "You are terse." },
        { role: "user", content: "An earlier question" },
        { role: "assistant", content: "An earlier answer" },
        { role: "user", content: text },
      ],
      ...more,
    });
  const parameters = { type: "object", properties: { city: { type: "string" } } };
  const tool = { name: "get_weather", description: "Weather of a city", parameters };
  const tools = [{ type: "function", function: tool }];
  const drain = async (stream) => {
    for await (const _ of stream);
  };

  const root = tracerProvider.getTracer("app").startSpan("GET /chat");
  await ask("Name a river", { temperature: 0.2, max_tokens: 64, user: "end-user-7" });
  await ask("Name two rivers", { n: 2, temperature: 1.0 });
  await ask("What is the weather in Paris?", { tools });
  await drain(await ask("Stream a river", { stream: true, stream_options: { include_usage: true } }));
  await drain(await ask("Stream the weather", { stream: true, tools }));
  for (const status of [429, 500]) {
    const failed = await ask(`Now [fail ${status}]`).then(() => null, (error) => error);
    if (failed?.status !== status) throw new Error(`${status} did not fail`);
  }
  root.end();
  await tracerProvider.shutdown();
  await loggerProvider.shutdown();
  console.log(7);
}

main();
