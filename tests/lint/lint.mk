# SPDX-License-Identifier: MIT
# What looks at the sources and not at what they do; for developers.

## lint: rules of this project, clang-format, shellcheck, cppcheck, clang-tidy, gcc -fanalyzer
## lint CHECKS='layers kinds': only these checks
lint:
	srcdir='$(srcdir)' AWK='$(AWK)' CC='$(CC)' \
		$(SHELL) $(srcdir)/tests/lint/lint.sh $(CHECKS)
.PHONY: lint
EXTRA_DIST += .clang-format .clang-tidy .shellcheckrc \
	tests/lint/c.awk tests/lint/files.sh tests/lint/lint.sh \
	tests/lint/analyzer.sh \
	tests/lint/circles.awk tests/lint/circles.sh \
	tests/lint/clang-format.sh \
	tests/lint/clang-tidy.sh \
	tests/lint/cppcheck.sh \
	tests/lint/kinds.awk tests/lint/kinds.sh \
	tests/lint/layers.awk tests/lint/layers.sh \
	tests/lint/prose.awk tests/lint/prose.rules tests/lint/prose.sh \
	tests/lint/selftest.sh \
	tests/lint/shellcheck.sh \
	tests/lint/statics.awk tests/lint/statics.sh \
	tests/lint/style.awk tests/lint/style.sh
