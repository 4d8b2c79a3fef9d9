// Starts `whenflow lsp` and lets the editor talk to it. All that is known of the language is on the other side.
"use strict";

const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

async function activate() {
  const settings = workspace.getConfiguration("whenflow");
  const server = { command: settings.get("command"), args: ["lsp"] };
  client = new LanguageClient("whenflow", "Whenflow", server, {
    documentSelector: [{ language: "whenflow" }],
    initializationOptions: { program: settings.get("program") },
    synchronize: { fileEvents: workspace.createFileSystemWatcher("**/*.flow") },
  });
  await client.start();
}

function deactivate() {
  return client?.stop();
}

module.exports = { activate, deactivate };
