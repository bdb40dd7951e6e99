import { createGraphiQLFetcher } from "@graphiql/toolkit";

const endpoint = new URL("/graphql", window.location.href);
const socket = new URL(endpoint);
socket.protocol = endpoint.protocol.replace("http", "ws");

/** What GraphiQL sends operations with: HTTP, and a WebSocket for each subscription, both with the key. */
export function fetcherFor(key) {
  const headers = { Authorization: `Bearer ${key}` };
  return createGraphiQLFetcher({
    url: endpoint.href,
    headers,
    subscriptionUrl: socket.href,
    wsConnectionParams: headers,
    enableIncrementalDelivery: false,
  });
}

/** Answers every operation with the advice to enter a key, and asks the server nothing. */
export async function fetcherWithoutKey() {
  return { errors: [{ message: "Enter an API key first, at the top of this page." }] };
}

/** Whose key it is: `{ name, role, project: { name } }`. Throws an Error with a message to show. */
export async function askViewer(fetcher) {
  let answer;
  try {
    answer = await fetcher({ query: "query Viewer { viewer { name role project { name } } }", operationName: "Viewer" });
  } catch (error) {
    throw new Error(`Vigie could not be asked: ${error.message}`);
  }
  if (answer.data?.viewer) return answer.data.viewer;
  throw new Error(answer.errors?.[0]?.message ?? answer.detail ?? "Vigie refused this key.");
}

const STORED = "vigie:api-key";

/** The key lives as long as the browser tab. */
export const storedKey = {
  get: () => sessionStorage.getItem(STORED),
  set: (key) => sessionStorage.setItem(STORED, key),
  forget: () => sessionStorage.removeItem(STORED),
};
