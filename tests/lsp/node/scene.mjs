// `node scene.mjs ROOT EDITED COMMAND …`: one session with the libraries that VS Code speaks the protocol with.
// Writes what happened to standard output, as JSON.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import {
  ApplyWorkspaceEditRequest,
  CancellationTokenSource,
  CodeActionRequest,
  createProtocolConnection,
  DidChangeTextDocumentNotification,
  DidOpenTextDocumentNotification,
  ExecuteCommandRequest,
  ExitNotification,
  HoverRequest,
  InitializedNotification,
  InitializeRequest,
  InlineCompletionRequest,
  LogMessageNotification,
  ProgressType,
  ShutdownRequest,
  StreamMessageReader,
  StreamMessageWriter,
  WorkDoneProgressCreateRequest,
  WorkspaceSymbolRequest,
} from "vscode-languageserver-protocol/node";

const [root, edited, command, ...rest] = process.argv.slice(2);
const server = spawn(command, rest, { stdio: ["pipe", "pipe", "inherit"] });
const connection = createProtocolConnection(
  new StreamMessageReader(server.stdout),
  new StreamMessageWriter(server.stdin),
);
const told = { edits: [], progress: [] };
const rootUri = pathToFileURL(root).href;
const uri = `${rootUri}/${edited}`;

let fresh;
const indexed = new Promise((done) => (fresh = done));
connection.onNotification(LogMessageNotification.type, ({ message }) => {
  if (message.includes("files complete")) fresh();
});
connection.onRequest(WorkDoneProgressCreateRequest.type, () => null);
connection.onRequest(ApplyWorkspaceEditRequest.type, ({ edit }) => {
  told.edits.push(edit);
  return { applied: true };
});
connection.listen();

const initialized = await connection.sendRequest(InitializeRequest.type, {
  processId: process.pid,
  clientInfo: { name: "scene" },
  rootUri,
  workspaceFolders: [{ uri: rootUri, name: "scene" }],
  initializationOptions: {
    settings: { "model.name": "pocket", "model.device": "cpu", "memory.gists": "off" },
    answers: "result",
  },
  capabilities: {
    workspace: {
      applyEdit: true,
      workspaceFolders: true,
      workspaceEdit: {
        documentChanges: true,
        resourceOperations: ["create", "rename", "delete"],
        changeAnnotationSupport: { groupsOnLabel: true },
      },
    },
    textDocument: {
      inlineCompletion: { dynamicRegistration: true },
      hover: { contentFormat: ["markdown", "plaintext"] },
      codeAction: { codeActionLiteralSupport: { codeActionKind: { valueSet: ["", "quickfix"] } } },
    },
    window: { workDoneProgress: true },
    general: { positionEncodings: ["utf-16"] },
  },
});
told.capabilities = initialized.capabilities;
await connection.sendNotification(InitializedNotification.type, {});

const text = readFileSync(`${root}/${edited}`, "utf8");
await connection.sendNotification(DidOpenTextDocumentNotification.type, {
  textDocument: { uri, languageId: "python", version: 1, text },
});
await indexed;
const zero = { line: 0, character: 0 };
await connection.sendNotification(DidChangeTextDocumentNotification.type, {
  textDocument: { uri, version: 2 },
  contentChanges: [{ range: { start: zero, end: zero }, text: "# \u{1F600}\n" }],
});

const line = text.split("\n").findIndex((each) => each.startsWith("def ")) + 1;
const at = { line, character: 5 };
const textDocument = { uri };
told.hover = await connection.sendRequest(HoverRequest.type, { textDocument, position: at });
told.symbols = await connection.sendRequest(WorkspaceSymbolRequest.type, { query: "wordfor" });
told.actions = await connection.sendRequest(CodeActionRequest.type, {
  textDocument,
  range: { start: at, end: at },
  context: { diagnostics: [] },
});
told.line = line;

const end = { line: line + 2, character: 0 };
told.completion = await connection.sendRequest(InlineCompletionRequest.type, {
  textDocument,
  position: end,
  context: { triggerKind: 1 },
});

told.command = await connection.sendRequest(ExecuteCommandRequest.type, {
  command: "megacontext.edit",
  arguments: [{ uri, range: { start: at, end: at }, instruction: "say hi" }],
});

const progress = connection.onProgress(new ProgressType(), "words", (event) => told.progress.push(event));
told.chat = await connection.sendRequest("megacontext/chat", {
  text: "What is it?",
  partialResultToken: "words",
});
progress.dispose();

const cancelled = new CancellationTokenSource();
const asked = connection.sendRequest("megacontext/chat", { text: "Again?" }, cancelled.token);
cancelled.cancel();
told.cancelled = await asked.then(() => 0, (error) => error.code);
told.unknown = await connection.sendRequest("no/method", {}).then(() => 0, (error) => error.code);

await connection.sendRequest(ShutdownRequest.type);
const left = new Promise((done) => server.on("exit", done));
await connection.sendNotification(ExitNotification.type);
told.exit = await left;
connection.dispose();
process.stdout.write(JSON.stringify(told));
