// A carrier made on npm `smpp`: answers submits with ids in decimal and sends each one's receipt, with the id in
// hexadecimal, once its answer is out. Prints what happens, one JSON line each; each line of standard input is a text
// that it brings as an inbound message, from the first recipient of a submit to its sender.
const readline = require("node:readline");
const smpp = require("smpp");

const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
let count = 1000;
let session = null;
let first = null;

const server = smpp.createServer((opened) => {
  session = opened;
  session.on("error", (error) => tell({ error: String(error) }));
  session.on("bind_transceiver", (pdu) => {
    const good = pdu.system_id === "us" && pdu.password === "secret";
    session.send(pdu.response({ command_status: good ? smpp.ESME_ROK : smpp.ESME_RINVPASWD, system_id: "npm" }));
    tell({ bound: good });
  });
  session.on("submit_sm", (pdu) => {
    first = first ?? pdu;
    count += 1;
    const id = count;
    const { message, udh } = pdu.short_message;
    tell({ submit: { to: pdu.destination_addr, text: message, udh: udh ? udh.map((each) => each.toString("hex")) : null } });
    session.send(pdu.response({ message_id: String(id) }));
    const stat = pdu.destination_addr.endsWith("9") ? "UNDELIV err:001" : "DELIVRD err:000";
    const text = `id:${id.toString(16)} sub:001 dlvrd:001 submit date:2401010000 done date:2401010000 stat:${stat} text:`;
    const receipt = {
      esm_class: smpp.ESM_CLASS.MC_DELIVERY_RECEIPT,
      source_addr_ton: 1, source_addr: pdu.destination_addr,
      dest_addr_ton: 1, destination_addr: pdu.source_addr,
      short_message: text,
    };
    session.deliver_sm(receipt, (answer) => tell({ receipt: answer.command_status }));
  });
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("unbind", (pdu) => {
    session.send(pdu.response());
    tell({ unbound: true });
    session.close();
  });
});

server.listen(0, "127.0.0.1", () => tell({ port: server.address().port }));

readline.createInterface({ input: process.stdin }).on("line", (text) => {
  const inbound = {
    source_addr_ton: 1, source_addr: first.destination_addr,
    dest_addr_ton: 1, destination_addr: first.source_addr,
    short_message: text,
  };
  session.deliver_sm(inbound, (answer) => tell({ inbound: answer.command_status }));
}).on("close", () => process.exit(0));
