// The calls that the tests make on a Node client of Twilio's shape: `twilio` and `@signalwire/compatibility-api`.
//
// A script that has made its client hands it to `serve`, which answers each line of standard input
// ({"call": name, "arguments": {...}}) with one line ({"result"} or {"error"}); see line_protocol.py.
// What an SDK prints goes to standard error. Names are Python's (snake_case), so that the same tests drive every SDK.

const readline = require("node:readline");

const MESSAGE_FIELDS = (
  "sid account_sid to from body status direction num_segments num_media error_code error_message price price_unit " +
  "uri api_version messaging_service_sid subresource_uris date_created date_updated date_sent"
).split(" ");

const NUMBER_FIELDS = "sid account_sid phone_number friendly_name sms_url sms_method capabilities".split(" ");

const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase()).replace(/_$/, "");

const camelKeys = (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [camel(name), value]));

// A day is given to the SDKs as a Date, its first moment, which they send as a date-time.
const filters = (values) =>
  Object.fromEntries(
    Object.entries(camelKeys(values)).map(([name, value]) => [name, name.startsWith("date") ? new Date(value) : value]),
  );

const message = (given) => {
  const fields = Object.fromEntries(MESSAGE_FIELDS.map((name) => [name, given[camel(name)]]));
  return { ...fields, from_: given.from };
};

const pick = (fields) => (given) => Object.fromEntries(fields.map((name) => [name, given[camel(name)]]));
const number = (given) => Object.fromEntries(NUMBER_FIELDS.map((name) => [name, given[camel(name)]]));

// The numbers of an account, of the session's own unless told.
const numbers = (client, account) => (account ? client.api.accounts(account) : client).incomingPhoneNumbers;

const sids = (page) => page.instances.map((each) => each.sid);

const calls = {
  create: async (client, values) => message(await client.messages.create(camelKeys(values))),
  fetch: async (client, { sid }) => message(await client.messages(sid).fetch()),
  redact: async (client, { sid }) => message(await client.messages(sid).update({ body: "" })),
  delete: (client, { sid }) => client.messages(sid).remove(),
  list: async (client, values) => (await client.messages.list(filters(values))).map((each) => each.sid),
  media: async (client, { sid }) => (await client.messages(sid).media.list()).map((each) => each.contentType),

  // One call on any resource. `at` is the way to it, ids in brackets: ["applications", "(0a05...)"]. It comes back as
  // these fields of the instance, of each of a list, or as the truth value of a deletion.
  resource: async (client, { at, verb, fields, ...values }) => {
    const found = at.reduce((from, part) => (part[0] === "(" ? from(part.slice(1, -1)) : from[camel(part)]), client);
    const answer = await found[verb === "delete" ? "remove" : verb](...(verb === "fetch" ? [] : [camelKeys(values)]));
    if (typeof answer === "boolean") return answer;
    return Array.isArray(answer) ? answer.map(pick(fields)) : pick(fields)(answer);
  },

  // The ids page by page to the end (forward), then from the last page back to the first (back).
  pages: async (client, values) => {
    const forward = [];
    const back = [];
    let last;
    for (let page = await client.messages.page(filters(values)); page; page = await page.nextPage()) {
      forward.push(sids(page));
      last = page;
    }
    while ((last = await last.previousPage())) back.push(sids(last));
    return { forward, back };
  },

  configure_number: async (client, { number, sms_url, sms_method }) => {
    const [found] = await client.incomingPhoneNumbers.list({ phoneNumber: number });
    const changed = await client.incomingPhoneNumbers(found.sid).update({ smsUrl: sms_url, smsMethod: sms_method });
    return { sid: changed.sid, sms_url: changed.smsUrl, sms_method: changed.smsMethod };
  },

  countries: async (client) => (await client.availablePhoneNumbers.list()).map((each) => each.countryCode),

  // Free numbers; `kind` is local or toll_free.
  search: async (client, { country, kind, ...values }) =>
    (await client.availablePhoneNumbers(country)[camel(kind)].list(camelKeys(values))).map((each) => ({
      phone_number: each.phoneNumber,
      region: each.region,
    })),

  buy: async (client, values) => number(await client.incomingPhoneNumbers.create(camelKeys(values))),
  move: async (client, { sid, account }) =>
    number(await client.incomingPhoneNumbers(sid).update({ accountSid: account })),
  fetch_number: async (client, { sid, account }) => number(await numbers(client, account)(sid).fetch()),
  release: (client, { sid, account }) => numbers(client, account)(sid).remove(),
};

// `validateRequest(key, signature, url, parameters)` is the SDK's own. An error that is not the API's ends the script.
async function serve(client, validateRequest) {
  console.log = console.error;
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const asked = JSON.parse(line);
    let answer;
    try {
      const { key, signature, url, payload } = asked.arguments;
      const result =
        asked.call === "validate"
          ? validateRequest(key, signature, url, payload)
          : await calls[asked.call](client, asked.arguments);
      answer = { result };
    } catch (error) {
      if (error.status === undefined) throw error;
      const { status, code } = error;
      answer = { error: { type: error.constructor.name, message: error.message, status, code } };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

module.exports = { serve };
