#compdef runbook
# What completes `runbook` in zsh. The program itself says what may stand there: it reads and runs nothing.
_runbook() {
    local program=runbook line value about
    # Called by a path, that one is asked.
    [[ ${words[1]} == */* ]] && program=${(Q)words[1]/#\~/$HOME}
    local -a lines whole open
    lines=("${(@f)$($program complete zsh -- "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    for line in $lines; do
        # `VALUE:DESCRIPTION` is what _describe wants.
        value=${${line%%$'\t'*}//:/\\:}
        about=${line#*$'\t'}
        # More is to come after `name=` and `folder/`, so no blank.
        if [[ $value == *[=/] ]]; then
            open+=("$value${about:+:$about}")
        else
            whole+=("$value${about:+:$about}")
        fi
    done
    (( $#open )) && _describe -V 'runbook' open -S ''
    (( $#whole )) && _describe -V 'runbook' whole
    (( $#open + $#whole ))
}
# Loaded from `fpath` it is called as a function of that name, otherwise it is read once.
if [[ $funcstack[1] == _runbook ]]; then
    _runbook "$@"
else
    compdef _runbook runbook
fi
