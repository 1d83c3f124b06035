" Filetype plugin. Language: cfx.
if exists('b:did_ftplugin')
  finish
endif
let b:did_ftplugin = 1

setlocal commentstring=#\ %s
setlocal comments=:##,:#
setlocal shiftwidth=2 expandtab
setlocal formatoptions+=ro
setlocal makeprg=cfx\ check\ %:S
" A message, its further lines, and the place above the script's lines: [exp.cfx:3:14]
setlocal errorformat=%E\ \ ×\ %m,%W\ \ ⚠\ %m,%C\ \ │\ %m,%Z%.%#╭─[%f:%l:%c],%-G%.%#
let b:undo_ftplugin = 'setlocal commentstring< comments< shiftwidth< expandtab< formatoptions< makeprg< errorformat<'
