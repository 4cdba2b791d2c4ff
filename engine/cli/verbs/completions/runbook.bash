# What completes `runbook` in bash. The program itself says what may stand there: it reads and runs nothing.
_runbook() {
    local program=runbook line
    # Called by a path, that one is asked.
    case $1 in */*) program=${1/#\~/$HOME} ;; esac
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <("$program" complete bash -- "${COMP_TYPE:-9}" "${COLUMNS:-80}" "$2" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}
# The blank after a word that is whole is the program's to set: after `name=` none is wanted.
if [[ ${BASH_VERSINFO[0]} -gt 4 || ${BASH_VERSINFO[0]} -eq 4 && ${BASH_VERSINFO[1]} -ge 4 ]]; then
    complete -o nospace -o nosort -F _runbook runbook
else
    complete -o nospace -F _runbook runbook
fi
