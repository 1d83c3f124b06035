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
    vscode.window.showWarningMessage('cfx: run `npm install` in the folder of this extension to have messages, completion and renaming')
    return
  }
  client = new languages.LanguageClient(
    'cfx',
    'cfx',
    { command: settings.get('command'), args: ['lsp'] },
    { documentSelector: [{ scheme: 'file', language: 'cfx' }], initializationOptions: { data: settings.get('data') } },
  )
  return client.start()
}

function deactivate() {
  return client && client.stop()
}

module.exports = { activate, deactivate }
