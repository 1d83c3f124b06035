// Starts `cfx lsp` for scripts of cfx. Highlighting, brackets and snippets work without it.
'use strict'

const vscode = require('vscode')

let client

function activate() {
  const settings = vscode.workspace.getConfiguration('cfx')
  let languages
  try {
    languages = require('vscode-languageclient/node')
  } catch {
    vscode.window.showWarningMessage('cfx: for messages, completion and renaming, run `npm install` in the folder of this extension and reload the window')
    return
  }
  const command = settings.get('command')
  client = new languages.LanguageClient(
    'cfx',
    'cfx',
    { command, args: ['lsp'] },
    { documentSelector: [{ scheme: 'file', language: 'cfx' }], initializationOptions: { data: settings.get('data') } },
  )
  return client.start().catch(error => {
    vscode.window.showErrorMessage(
      `cfx: the command \`${command}\` does not start (${error.message}). Install cfx, or write the full path of the command into the setting \`cfx.command\`, and reload the window.`,
    )
  })
}

function deactivate() {
  return client && client.stop()
}

module.exports = { activate, deactivate }
