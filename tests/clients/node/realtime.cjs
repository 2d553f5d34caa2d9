// A Relay client with `@signalwire/realtime-api`: realtime.cjs HOST PROJECT TOKEN CONTEXTS.
//
// HOST may begin with ws:// or wss://. CONTEXTS are divided by commas, and may be none. The calls are those of
// RelayShapedTests (relay_shaped.py), by line_protocol.py's rules; here they may overlap: a call that waits holds up no
// event. Names are Python's (snake_case).

const { EventEmitter, once } = require("node:events");
const readline = require("node:readline");

console.log = console.error;
console.info = console.error;
console.debug = console.error;
const { SignalWire } = require("@signalwire/realtime-api");

const SEEN_SECONDS = 45;

const [host, project, token, given] = process.argv.slice(2);
const contexts = given.split(",").filter(Boolean);
const changed = new EventEmitter().setMaxListeners(0);
const seen = { connections: 0, messages: [], states: new Map(), error: null };
const listening = new Map();
let client;
let answer = "";

const fields = (message) => ({
  message_id: message.id,
  context: message.context,
  direction: message.direction,
  from_number: message.from,
  to_number: message.to,
  body: message.body,
  media: message.media,
  segments: message.segments,
  state: message.state,
  reason: message.reason,
  tags: message.tags,
});

// The first true answer of `reached`, looked for after each change.
async function wait(reached, what) {
  const signal = AbortSignal.timeout(SEEN_SECONDS * 1000);
  for (;;) {
    if (seen.error) throw seen.error;
    const found = reached();
    if (found) return found;
    try {
      await once(changed, "change", { signal });
    } catch {
      throw new Error(`waited ${SEEN_SECONDS} s in vain for ${what}`);
    }
  }
}

const note = (change) => {
  change();
  changed.emit("change");
};

const sending = ({ to_number, from_number, ...rest }) => client.messaging.send({ to: to_number, from: from_number, ...rest });

async function onMessageReceived(message) {
  if (answer) await sending({ to_number: message.from, from_number: message.to, body: answer });
  note(() => seen.messages.push(fields(message)));
}

const onMessageUpdated = (message) =>
  note(() => seen.states.set(message.id, [...(seen.states.get(message.id) ?? []), fields(message)]));

async function receive(topics) {
  listening.set(topics.join(), await client.messaging.listen({ topics, onMessageReceived, onMessageUpdated }));
}

const calls = {
  connected: ({ count }) => wait(() => seen.connections >= count && seen.connections, `connection ${count}`),
  // Updates are heard only in a context that is listened to.
  send: async ({ context = contexts[0], ...rest }) => (await sending({ context, ...rest })).messageId,
  states: ({ message_id, until }) =>
    wait(() => {
      const states = seen.states.get(message_id) ?? [];
      return states.some((each) => each.state === until) && states;
    }, `${message_id} to be ${until}`),
  message: ({ number }) => wait(() => seen.messages[number - 1], `message ${number}`),
  answer: ({ body }) => {
    answer = body;
  },
  receive: (asked) => receive(asked.contexts),
  unreceive: async (asked) => {
    await listening.get(asked.contexts.join())();
  },
  leave: () => client.disconnect(),
};

// The SDK rejects with the server's result object, or an error of the connection; what is neither ends the script.
function describe(error) {
  if (error?.code === undefined) throw error;
  return { type: error.name ?? "Object", message: error.message, status: 0, code: Number(error.code) };
}

async function main() {
  const listen = {
    onConnected: () => note(() => (seen.connections += 1)),
    onAuthError: (error) => note(() => (seen.error = error)),
  };
  client = await SignalWire({ host, project, token, logLevel: "warn", listen });
  if (contexts.length && !seen.error) await receive(contexts);
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const asked = JSON.parse(line);
    let told;
    try {
      told = { result: (await calls[asked.call](asked.arguments)) ?? null };
    } catch (error) {
      told = { error: describe(error) };
    }
    process.stdout.write(`${JSON.stringify(told)}\n`);
  }
  process.exit(0);
}

main();
