// node scene.mjs ROOT COMMAND...: a whole session with an agent, by the official TypeScript SDK; prints what came of it as JSON.
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { Readable, Writable } from "node:stream";
import * as acp from "@agentclientprotocol/sdk";

const [root, edit, ...command] = process.argv.slice(2);
const agent = spawn(command[0], command.slice(1), { cwd: root, stdio: ["pipe", "pipe", "ignore"] });
const ended = new Promise((resolve) => agent.on("exit", resolve));
const stream = acp.ndJsonStream(Writable.toWeb(agent.stdin), Readable.toWeb(agent.stdout));

const told = { updates: {}, said: "", asked: [], diffs: [], written: [] };
let afterText = () => {};
const script = (text, ...replies) => [{ type: "text", text: `${text} script:${JSON.stringify(replies)}` }];

const editor = acp
  .client({ name: "scene" })
  .onNotification(acp.methods.client.session.update, ({ params: { update } }) => {
    told.updates[update.sessionUpdate] = (told.updates[update.sessionUpdate] ?? 0) + 1;
    if (update.sessionUpdate === "agent_message_chunk") {
      told.said += update.content.text;
      afterText();
    }
    for (const content of update.content ?? []) if (content.type === "diff") told.diffs.push(content.path);
  })
  .onRequest(acp.methods.client.session.requestPermission, ({ params }) => {
    told.asked.push(params.options.map((option) => option.kind));
    return { outcome: { outcome: "selected", optionId: params.options[0].optionId } };
  })
  .onRequest(acp.methods.client.fs.readTextFile, ({ params }) => ({ content: readFileSync(params.path, "utf8") }))
  .onRequest(acp.methods.client.fs.writeTextFile, ({ params }) => {
    told.written.push(params.path);
    writeFileSync(params.path, params.content);
    return {};
  });

await editor.connectWith(stream, async (ctx) => {
  const ask = (method, params) => ctx.request(method, params);
  const { session } = acp.methods.agent;
  const initialized = await ask(acp.methods.agent.initialize, {
    protocolVersion: acp.PROTOCOL_VERSION,
    clientCapabilities: { fs: { readTextFile: true, writeTextFile: true } },
  });
  told.version = initialized.protocolVersion;
  const opened = await ask(session.new, { cwd: root, mcpServers: [] });
  const sessionId = opened.sessionId;
  told.modes = opened.modes.availableModes.map((mode) => mode.id);
  told.edited = (await ask(session.prompt, { sessionId, prompt: script("Edit.", edit, "Edited.") })).stopReason;
  const going = ask(session.prompt, { sessionId, prompt: script("Talk.", "$9 until /there/is/no/such/file") });
  await new Promise((resolve) => (afterText = resolve));
  await ctx.notify(session.cancel, { sessionId });
  told.cancelled = (await going).stopReason;
  await ask(session.setMode, { sessionId, modeId: "plan" });
  await ask(session.close, { sessionId });
  told.listed = (await ask(session.list, { cwd: root })).sessions.map((each) => each.sessionId);
  told.said = "";
  await ask(session.load, { cwd: root, sessionId, mcpServers: [] });
  told.replayed = told.said.startsWith("Edited.");
  told.unknown = await ask(session.prompt, { sessionId: "nobody", prompt: script("x") }).catch((error) => error.code);
});
agent.stdin.end();
told.exit = await ended;
console.log(JSON.stringify(told));
