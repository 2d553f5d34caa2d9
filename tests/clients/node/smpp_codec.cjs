// npm smpp's codec: {"decode": [frame], "encode": [{command, sequence, fields, tlvs}], "text": [[encoding, text]]} on
// standard input, the answers in the same order on standard output. Octets are hexadecimal. The filters that make dates
// of times and texts of messages are taken off: what is compared is what lies in the frame.

const { PDU } = require("smpp");
const smpp = require("smpp");
const defs = require("smpp/lib/defs.js");

for (const table of [...Object.values(defs.commands).map((command) => command.params || {}), defs.tlvs]) {
  for (const entry of Object.values(table)) delete entry.filter;
}
PDU.maxLength = 70000;

const plain = (value) => (Buffer.isBuffer(value) ? { hex: value.toString("hex") } : value);
const octets = (value) => (value && typeof value === "object" && "hex" in value ? Buffer.from(value.hex, "hex") : value);

function decode(frame) {
  const pdu = PDU.fromBuffer(Buffer.from(frame, "hex"));
  const answer = { command: pdu.command, sequence: pdu.sequence_number, status: pdu.command_status, fields: {}, tlvs: {} };
  for (const name of Object.keys(defs.commands[pdu.command].params || {})) answer.fields[name] = plain(pdu[name]);
  for (const [name, tlv] of Object.entries(defs.tlvs)) {
    if (!(name in pdu) || name in answer.fields) continue;
    const value = tlv.multiple ? pdu[name][0] : pdu[name];
    const written = Buffer.alloc(tlv.type.size(value));
    tlv.type.write(value, written, 0);
    answer.tlvs[tlv.id] = written.toString("hex");
  }
  return answer;
}

function encode({ command, sequence, fields, tlvs }) {
  const options = { sequence_number: sequence };
  for (const [name, value] of Object.entries(fields)) options[name] = octets(value);
  for (const [id, hex] of Object.entries(tlvs)) {
    const tlv = defs.tlvsById[id];
    const value = tlv.type.read(Buffer.from(hex, "hex"), 0, hex.length / 2);
    options[tlv.tag] = tlv.multiple ? [value] : value;
  }
  return new PDU(command, options).toBuffer().toString("hex");
}

function text([encoding, written]) {
  const encoded = smpp.encodings[encoding].encode(written);
  return { hex: encoded.toString("hex"), text: smpp.encodings[encoding].decode(encoded) };
}

const asked = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const answers = { decode: asked.decode.map(decode), encode: asked.encode.map(encode), text: asked.text.map(text) };
process.stdout.write(JSON.stringify(answers));
