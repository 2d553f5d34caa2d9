// Makes calls with Twilio's Node SDK: node twilio.cjs URL PROJECT TOKEN
//
// The SDK accepts no account but AC and 32 hex digits: the project's id without its hyphens. Its host name must be
// an address: it rewrites names such as localhost.

const twilio = require("twilio");
const { serve } = require("./calls.cjs");

const [url, project, token] = process.argv.slice(2);
const client = twilio(`AC${project.replaceAll("-", "")}`, token);
client.api.baseUrl = url;

serve(client, twilio.validateRequest);
