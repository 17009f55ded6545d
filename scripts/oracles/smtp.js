// Another mail server (smtp-server), and another reader of mail (mailparser).
//
//   smtp.js FOLDER CERT KEY USER PASSWORD
//
// Prints its port. It wants STARTTLS and a password; of each mail it takes it writes what it understood as a line of JSON into
// FOLDER/log.
const fs = require("node:fs");
const path = require("node:path");

const home = process.env.PERENNIAL_ORACLES;
const { SMTPServer } = require(path.join(home, "node_modules", "smtp-server"));
const { simpleParser } = require(path.join(home, "node_modules", "mailparser"));

const [folder, cert, key, user, password] = process.argv.slice(2);
fs.mkdirSync(folder, { recursive: true });

const server = new SMTPServer({
    cert: fs.readFileSync(cert),
    key: fs.readFileSync(key),
    onAuth(auth, session, done) {
        const isKnown = auth.username === user && auth.password === password;
        done(isKnown ? null : new Error("unknown"), { user: auth.username });
    },
    onData(stream, session, done) {
        simpleParser(stream).then((mail) => {
            const file = (one) => ({ name: one.filename, kind: one.contentType, bytes: one.size, cid: one.cid });
            const line = {
                secure: session.secure,
                user: session.user,
                from: mail.from.text,
                to: mail.to.text,
                cc: mail.cc ? mail.cc.text : "",
                subject: mail.subject,
                date: mail.date.toISOString(),
                messageId: mail.messageId,
                auto: mail.headers.get("auto-submitted"),
                text: mail.text,
                html: mail.html,
                files: mail.attachments.map(file),
            };
            fs.appendFileSync(path.join(folder, "log"), JSON.stringify(line) + "\n");
            done(null, "taken");
        }, done);
    },
});
server.listen(0, "127.0.0.1", () => console.log(server.server.address().port));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
