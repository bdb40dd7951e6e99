// node graphiql.js URL KEY FOLDER: uses GraphiQL as a newcomer would, and prints as JSON what was seen.
// A picture of each step goes into FOLDER; 4-last-week.png, made on a Vigie with traffic, is docs/graphiql.png.

import { join } from "node:path";

import chromium from "@sparticuz/chromium";
import { chromium as playwright } from "playwright-core";

const [url, key, folder] = process.argv.slice(2);
const seen = { requests: [], failures: [], complaints: [] };

const laxer = ["--disable-web-security", "--allow-running-insecure-content"]; // than the browsers of users
const browser = await playwright.launch({
  executablePath: await chromium.executablePath(),
  args: [...chromium.args.filter((arg) => !laxer.includes(arg)), "--no-sandbox", "--disable-background-networking"],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 720 }, colorScheme: "light" });
page.setDefaultTimeout(30_000);
page.on("request", (request) => seen.requests.push(request.url()));
page.on("websocket", (socket) => seen.requests.push(socket.url()));
page.on("response", (response) => response.ok() || seen.failures.push(`${response.status()} ${response.url()}`));
page.on("pageerror", (error) => seen.complaints.push(error.message));
page.on("console", (message) => {
  const isFailedRequest = message.text().startsWith("Failed to load resource");
  if (message.type() === "error" && !isFailedRequest) seen.complaints.push(message.text());
});

const status = page.locator(".vigie-bar").getByRole("status");
const answer = page.locator(".result-window .view-lines");
const shot = (name) => page.screenshot({ path: join(folder, `${name}.png`) });

async function enterKey(text) {
  await page.getByLabel("API key").fill(text);
  await page.getByRole("button", { name: "Use key" }).click();
}

/** Runs the example of a tab, and gives the whole answer once the text is in sight. */
async function run(tab, text) {
  await page.getByRole("tab", { name: tab }).click();
  await page.evaluate(() => new Promise((done) => setTimeout(done, 200))); // GraphiQL reads the operation after 100 ms
  await page.getByRole("button", { name: /^Execute/ }).click();
  return answerWith(text);
}

async function answerWith(text) {
  await answer.filter({ hasText: text }).waitFor();
  return page.evaluate(() => {
    const models = __MONACO.editor.getModels();
    return models.find((model) => model.uri.path.endsWith("response.json")).getValue();
  });
}

async function postUsage(model) {
  const event = { type: "usage", time: new Date().toISOString(), model, tokens: { input: 374, output: 44 } };
  const response = await fetch(`${url}/v1/events`, {
    method: "POST",
    headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
    body: JSON.stringify({ events: [event] }),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}

try {
  await page.goto(`${url}/graphql`);
  seen.hint = await status.innerText();
  await answer.waitFor();
  await shot("1-hint");

  await enterKey("not a key");
  await page.locator(".vigie-refusal").waitFor();
  seen.refusal = await status.innerText();
  await shot("2-refusal");

  await enterKey(key);
  await page.locator(".vigie-viewer").waitFor();
  seen.viewer = await status.innerText();
  seen.answer = await run("Viewer", '"viewer"');
  await shot("3-viewer");

  seen.lastWeek = await run("LastWeek", '"metrics"');
  await shot("4-last-week");

  await page.getByRole("button", { name: /Documentation/ }).click();
  seen.documentation = await page.locator(".graphiql-doc-explorer-content").innerText();
  await shot("5-documentation");
  await page.getByRole("button", { name: /Documentation/ }).click();

  seen.firstFrame = await run("Live", '"cursor"');
  await postUsage("gpt-5");
  seen.liveFrame = await answerWith('"USAGE"');
  await shot("6-live");
  await page.getByRole("button", { name: /^Stop/ }).click();

  await page.reload();
  await page.locator(".vigie-viewer").waitFor();
  seen.viewerAfterReload = await status.innerText();
  await page.getByRole("button", { name: "Forget key" }).click();
  seen.hintAfterForgetting = await status.innerText();
} catch (error) {
  await shot("failure");
  throw error;
} finally {
  await browser.close();
  console.log(JSON.stringify(seen));
}
