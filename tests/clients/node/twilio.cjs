// Makes calls with Twilio's Node SDK: node twilio.cjs URL PROJECT TOKEN
//
// The SDK wants an account that starts with AC when it is made, and takes any afterwards. Its host name must be
// an address: it rewrites names such as localhost.

const twilio = require("twilio");
const { serve } = require("./calls.cjs");

const [url, project, token] = process.argv.slice(2);
const client = twilio(`AC${project}`, token);
client.username = project;
client.accountSid = project;
client.api.baseUrl = url;

serve(client, twilio.validateRequest);
