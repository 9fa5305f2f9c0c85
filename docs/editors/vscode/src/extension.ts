// Starts `megacontext lsp` and shows in Visual Studio Code what it offers. Everything else is the server's.
import * as vscode from "vscode";
import {
  LanguageClient,
  LanguageClientOptions,
  ProgressType,
  ServerOptions,
} from "vscode-languageclient/node";

interface ChatEvent {
  event: string;
  text?: string;
  name?: string;
  subject?: string;
}

interface ChatResult {
  session: string;
  text: string;
  ending: string;
  detail: string;
}

let client: LanguageClient | undefined;
let session: string | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const channel = vscode.window.createOutputChannel("MegaContext", { log: true });
  const answers = vscode.window.createOutputChannel("MegaContext Chat", "markdown");
  context.subscriptions.push(
    channel,
    answers,
    vscode.commands.registerCommand("megacontext.restart", () => restart(channel)),
    vscode.commands.registerCommand("megacontext.explainSelection", () => about("megacontext.explain")),
    vscode.commands.registerCommand("megacontext.showFocusHere", () => about("megacontext.showFocus")),
    vscode.commands.registerCommand("megacontext.editSelection", editSelection),
    vscode.commands.registerCommand("megacontext.chat", () => chat(answers)),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("megacontext")) void restart(channel);
    }),
  );
  await restart(channel);
}

export async function deactivate(): Promise<void> {
  await client?.dispose();
}

async function restart(channel: vscode.LogOutputChannel): Promise<void> {
  await client?.dispose();
  const wanted = vscode.workspace.getConfiguration("megacontext");
  const [command, ...args] = wanted.get<string[]>("command", []);
  if (!command) {
    void vscode.window.showErrorMessage("megacontext.command is empty");
    return;
  }
  const server: ServerOptions = { command, args };
  const options: LanguageClientOptions = {
    documentSelector: [{ scheme: "file" }],
    outputChannel: channel,
    initializationOptions: {
      inline: wanted.get("inline"),
      navigation: wanted.get("navigation"),
      lenses: wanted.get("lenses"),
      settings: wanted.get("settings"),
      answers: "result",
    },
    middleware: {
      // A lens or an action runs a command of the server; what it says is shown here.
      executeCommand: async (name, given, next) => show(await next(name, given)),
    },
  };
  client = new LanguageClient("megacontext", "MegaContext", server, options);
  try {
    await client.start();
  } catch (error) {
    channel.error(String(error));
    const choice = await vscode.window.showErrorMessage(
      `MegaContext does not start: is \`${command}\` on the PATH? Set megacontext.command.`,
      "Open settings",
    );
    if (choice) await vscode.commands.executeCommand("workbench.action.openSettings", "megacontext.command");
  }
}

async function show(answer: unknown): Promise<unknown> {
  const said = answer as { text?: unknown; applied?: unknown } | null;
  if (typeof said?.text === "string" && said.applied === undefined) {
    const document = await vscode.workspace.openTextDocument({ language: "markdown", content: said.text });
    await vscode.window.showTextDocument(document, { preview: true, viewColumn: vscode.ViewColumn.Beside });
  }
  return answer;
}

function target(editor: vscode.TextEditor): { uri: string; range: object } {
  const { start, end } = editor.selection;
  const place = (at: vscode.Position) => ({ line: at.line, character: at.character });
  return { uri: editor.document.uri.toString(), range: { start: place(start), end: place(end) } };
}

async function about(command: string): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (editor) await vscode.commands.executeCommand(command, target(editor));
}

async function editSelection(): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (!editor) return;
  const given = target(editor);
  const instruction = await vscode.window.showInputBox({ prompt: "What is to change?" });
  if (instruction) await vscode.commands.executeCommand("megacontext.edit", { ...given, instruction });
}

async function chat(answers: vscode.OutputChannel): Promise<void> {
  const text = await vscode.window.showInputBox({ prompt: "Message to MegaContext" });
  const running = client;
  if (!text || !running) return;
  answers.show(true);
  answers.appendLine(`\n> ${text}\n`);
  const where = { location: vscode.ProgressLocation.Notification, title: "MegaContext", cancellable: true };
  await vscode.window.withProgress(where, async (progress, cancelled) => {
    const partialResultToken = `chat-${Date.now()}`;
    const heard = running.onProgress(new ProgressType<ChatEvent>(), partialResultToken, (event) => {
      if (event.event === "token") answers.append(event.text ?? "");
      else if (event.event === "notice") answers.appendLine(event.text ?? "");
      else if (event.event === "tool") progress.report({ message: `${event.name} ${event.subject}` });
    });
    try {
      const uri = vscode.window.activeTextEditor?.document.uri ?? vscode.workspace.workspaceFolders?.[0]?.uri;
      const params = { text, session: session ?? null, uri: uri?.toString() ?? null, partialResultToken };
      const result = await running.sendRequest<ChatResult>("megacontext/chat", params, cancelled);
      session = result.session;
      if (result.detail) answers.appendLine(`\n(${result.detail})`);
    } catch (error) {
      session = undefined;
      answers.appendLine(`\n(${error instanceof Error ? error.message : String(error)})`);
    } finally {
      heard.dispose();
    }
  });
}
