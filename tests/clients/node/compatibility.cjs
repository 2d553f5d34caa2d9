// Makes calls with SignalWire's compatibility SDK: node compatibility.cjs HOST PROJECT TOKEN
//
// The SDK always speaks https; NODE_EXTRA_CA_CERTS names what Node trusts besides.

const { RestClient } = require("@signalwire/compatibility-api");
const { serve } = require("./calls.cjs");

const [host, project, token] = process.argv.slice(2);

serve(RestClient(project, token, { signalwireSpaceUrl: host }), RestClient.validateRequest);
