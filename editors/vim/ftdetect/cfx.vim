au BufRead,BufNewFile *.cfx setfiletype cfx
