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
    found=(${(f)"$("${words[1]}" --complete "${(@)words[2,CURRENT]}" 2>/dev/null)"})
    if (( $#found )); then compadd -- $found; else _files; fi
}
compdef _swarmproof swarmproof
""",
    "fish": """\
# swarmproof completion fish | source    in ~/.config/fish/config.fish
complete -c swarmproof -a '(swarmproof --complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
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


def tell(words: Sequence[str], words_after: Callable[[Sequence[str]], Sequence[str]]) -> int:
    """Print what the last word can become; nothing where a file is wanted. 0.

    `words_after` knows what may follow the words before it.
    """
    *before, begun = words or [""]
    for word in words_after(before):
        if word.startswith(begun) and (begun or not word.startswith("-")):
            print(word)
    return ExitStatus.COMPLETE
