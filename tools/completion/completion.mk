# SPDX-License-Identifier: MIT
# Completion of the shmipc command for bash and zsh.
bashcompletiondir = $(with_bash_completion_dir)
dist_bashcompletion_DATA = tools/completion/shmipc
zshcompletiondir = $(with_zsh_completion_dir)
dist_zshcompletion_DATA = tools/completion/_shmipc

TESTS += tests/tool/completion.sh
EXTRA_DIST += tests/tool/completion.sh
