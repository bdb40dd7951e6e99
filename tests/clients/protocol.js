// Runs operations over one socket of npm's graphql-ws, and prints what each of them saw, as JSON.
// Usage: node protocol.js URL KEY
import { createClient } from "graphql-ws";

const [url, key] = process.argv.slice(2);
const seen = { closed: [], pings: 0 };

const client = createClient({
  url,
  connectionParams: { apiKey: key },
  keepAlive: 200,
  lazy: false,
  retryAttempts: 0,
  onNonLazyError: () => {},
  on: {
    closed: (event) => seen.closed.push([event.code, event.reason]),
    pong: (received) => (seen.pings += received),
  },
});

const run = (query, variables) =>
  new Promise((done) => {
    const answers = [];
    client.subscribe(
      { query, variables },
      {
        next: (answer) => answers.push(answer),
        error: (error) => done({ answers, errors: Array.isArray(error) ? error : [String(error.reason ?? error)] }),
        complete: () => done({ answers }),
      },
    );
  });

const first = async (query) => {
  try {
    for await (const answer of client.iterate({ query })) return answer; // leaving it sends `complete`
  } catch (error) {
    return { refused: error.reason ?? String(error) };
  }
};

seen.query = await run("query ($first: Int!) { apiKeys(first: $first) { edges { node { name } } } }", { first: 5 });
seen.mutation = await run('mutation { createApiKey(input: {name: "npm", role: READER}) { apiKey { name } } }');
seen.invalid = await run("{ nothing }");
seen.syntax = await run("{");
seen.stream = await first("subscription { activity { cursor events { title } } }");
seen.gauge = await first('subscription { liveMetrics(window: "PT1M", every: "PT1S") { __typename } }').catch(String);
await new Promise((done) => setTimeout(done, 700));
seen.after = await run("{ viewer { name } }");
const over = new Promise((done) => client.on("closed", done));
await client.dispose();
await Promise.race([over, new Promise((done) => setTimeout(done, 2000))]);
console.log(JSON.stringify(seen));
