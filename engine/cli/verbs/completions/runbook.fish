# What completes `runbook` in fish. The program itself says what may stand there: it reads and runs nothing.
function __runbook_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    set -l program runbook
    # Called by a path, that one is asked.
    if string match --quiet -- '*/*' "$words[1]"
        set program (string replace --regex -- '^~' "$HOME" "$words[1]")
    end
    $program complete fish -- $words "$current" 2>/dev/null
end
complete --command runbook --no-files --keep-order --arguments '(__runbook_complete)'
