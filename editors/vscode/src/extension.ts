import * as vscode from "vscode";
import { LanguageClient, LanguageClientOptions, ServerOptions } from "vscode-languageclient/node";

let client: LanguageClient | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  context.subscriptions.push(
    vscode.commands.registerCommand("dqc.restart", restart),
    vscode.workspace.onDidChangeConfiguration((event) => (event.affectsConfiguration("dqc.path") ? restart() : undefined)),
    vscode.tasks.registerTaskProvider("dqc", { provideTasks: tasks, resolveTask: (task) => task_of(task.definition.command) }),
  );
  await start();
}

export async function deactivate(): Promise<void> {
  await client?.stop();
  client = undefined;
}

async function restart(): Promise<void> {
  await deactivate();
  await start();
}

function program(): string {
  return vscode.workspace.getConfiguration("dqc").get<string>("path") || "dqc";
}

async function start(): Promise<void> {
  const server: ServerOptions = { command: program(), args: ["lsp"] };
  const options: LanguageClientOptions = {
    documentSelector: [{ language: "dq" }, { pattern: "**/dqc.toml" }],
  };
  client = new LanguageClient("dqc", "dqc", server, options);
  try {
    await client.start();
  } catch {
    client = undefined;
    const choice = await vscode.window.showErrorMessage(
      `dqc: "${program()}" cannot be started. Install dqc, or say in the settings where it is.`,
      "Open settings",
    );
    if (choice) {
      await vscode.commands.executeCommand("workbench.action.openSettings", "dqc.path");
    }
  }
}

function tasks(): vscode.Task[] {
  return ["check", "test", "fmt", "watch"].map(task_of);
}

function task_of(command: string): vscode.Task {
  const definition = { type: "dqc", command };
  const run = new vscode.ShellExecution(program(), [command]);
  return new vscode.Task(definition, vscode.TaskScope.Workspace, command, "dqc", run, "$dqc");
}
