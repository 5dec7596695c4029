"""Completion of words in shells: a script for each, which asks `swarmproof --complete` at every Tab."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from core.exits import ExitStatus

SCRIPTS = {
    "bash": """\
# source <(swarmproof completion bash)    in ~/.bashrc
_swarmproof() {
    local IFS=$'\\n'
    COMPREPLY=($("${COMP_WORDS[0]}" --complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _swarmproof swarmproof
""",
    "zsh": """\
# source <(swarmproof completion zsh)    in ~/.zshrc, after compinit
_swarmproof() {
    local -a found
    found=(${(f)"$("${words[1]}" --complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)"})
    if (( $#found )); then compadd -- $found; else compset -P '*='; _files; fi
}
compdef _swarmproof swarmproof
""",
    "fish": """\
# swarmproof completion fish | source    in ~/.config/fish/config.fish
function __swarmproof_words
    set -l words (commandline -opc) (commandline -ct)
    set -l found ($words[1] --complete $words[2..] 2>/dev/null)
    if set -q found[1]
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c swarmproof -f -a '(__swarmproof_words)'
""",
}
SHELLS = "bash, zsh or fish"


def script(words: Sequence[str]) -> int:
    """Print the script for a shell; 2 where there is none."""
    if len(words) != 1 or words[0] not in SCRIPTS:
        print(f"swarmproof completion: name one shell: {SHELLS}", file=sys.stderr)
        return ExitStatus.USAGE
    print(SCRIPTS[words[0]], end="")
    return ExitStatus.COMPLETE


def tell(words: Sequence[str], words_after: Callable[[Sequence[str], str], Sequence[str]]) -> int:
    """Print what the last word can become; nothing where a file is wanted. 0.

    `words_after` knows what may follow the words before it, also where none of it is written.
    """
    *before, begun = words or [""]
    lead = ""
    if "=" in (begun, *before[-1:]):  # bash takes `--config=small` for three words
        before, begun = [word for word in before if word != "="], begun.removeprefix("=")
    elif begun.startswith("--") and "=" in begun:
        option, _, begun = begun.partition("=")
        before, lead = [*before, option], f"{option}="
    for word in words_after(before, begun):
        if word.startswith(begun):
            print(lead + word)
    return ExitStatus.COMPLETE
