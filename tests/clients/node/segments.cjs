// Counts segments with Twilio's own calculator: a JSON list of texts on standard input,
// a JSON list of {encoding, segments} on standard output.

const { SegmentedMessage } = require("sms-segments-calculator");

const texts = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const counted = texts.map((text) => new SegmentedMessage(text));
process.stdout.write(JSON.stringify(counted.map((each) => ({ encoding: each.encodingName, segments: each.segmentsCount }))));
