/** `dfsp completion`: what a shell needs to complete commands, flags, topics and groups. */

import { DfspError } from '../../base/errors.ts'
import { meant } from '../../config/problems.ts'
import { nearest } from '../../core/text/nearest.ts'
import type { Command } from '../command.ts'

const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_dfsp() {
  local line IFS=$'\\n'
  COMPREPLY=()
  while read -r line; do
    if [ "$line" = :files ]; then
      compopt -o filenames
      COMPREPLY+=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
    else
      case $line in *=) compopt -o nospace ;; esac
      COMPREPLY+=("$line")
    fi
  done < <(dfsp __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _dfsp dfsp
`,
  zsh: `#compdef dfsp
_dfsp() {
  local -a lines
  lines=("\${(@f)$(dfsp __complete "\${(@)words[2,$CURRENT]}" 2>/dev/null)}")
  if [[ $lines[1] == :files ]]; then
    shift lines
    _files
  fi
  lines=(\${lines:#})
  (( $#lines )) && compadd -- $lines
}
if [[ $funcstack[1] == _dfsp ]]; then _dfsp "$@"; else compdef _dfsp dfsp; fi
`,
  fish: `function __dfsp_complete
  set -l words (commandline -opc) (commandline -ct)
  for line in (dfsp __complete $words[2..] 2>/dev/null)
    if test "$line" = :files
      __fish_complete_path (commandline -ct)
    else
      echo $line
    end
  end
end
complete -c dfsp -f -a '(__dfsp_complete)'
`,
}

export const command: Command = {
  name: 'completion',
  describe:
    'Prints a script that lets a shell complete commands, flags, their values, and the names of topics and groups, which are asked from the broker of the config file or of -b.',
  positionals: [{ name: 'SHELL', describe: 'bash, zsh or fish', required: true }],
  examples: [
    ['dfsp completion bash > ~/.local/share/bash-completion/completions/dfsp', 'bash, for good'],
    ['source <(dfsp completion bash)', 'bash, for this shell (zsh likewise, after compinit)'],
    ['dfsp completion zsh > "$fpath[1]/_dfsp"', 'zsh, for good'],
    ['dfsp completion fish > ~/.config/fish/completions/dfsp.fish', 'fish'],
  ],
  async run({ positionals, stdout }) {
    const [shell = ''] = positionals.SHELL ?? []
    const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined
    if (script === undefined) {
      const shells = Object.keys(SCRIPTS)
      throw new DfspError('E_USAGE', `there is no completion for "${shell}"`, {
        next: meant(nearest(shell, shells)) ?? `dfsp completion ${shells.join(', ')}`,
      })
    }
    stdout.write(script)
    return 0
  },
}
