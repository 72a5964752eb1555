# SPDX-License-Identifier: MIT
# What looks at the sources and not at what they do; for developers. Lines that
# begin with two hash signs are what `make help' shows.

## lint: all checks of the sources; CHECKS="layers prose" runs only these
lint:
	srcdir='$(srcdir)' AWK='$(AWK)' CC='$(CC)' \
		$(SHELL) $(srcdir)/tests/lint/lint.sh $(CHECKS)

## format: let clang-format lay out all C
format:
	srcdir='$(srcdir)' $(SHELL) $(srcdir)/tests/lint/clang-format.sh --fix

## coverage: lines of the library that `make check' runs; fails below 95 %
coverage:
	srcdir='$(srcdir)' MAKE='$(MAKE)' AWK='$(AWK)' \
		$(SHELL) $(srcdir)/tests/lint/coverage.sh

## help: these targets
help:
	@sed -n 's/^## //p' $(srcdir)/Makefile.am $(srcdir)/*/*.mk \
		$(srcdir)/*/*/*.mk | sort -u | \
		$(AWK) -F ': ' '{ printf "make %-14s %s\n", $$1, $$2 }'
.PHONY: lint format coverage help

EXTRA_DIST += .clang-format .clang-tidy .shellcheckrc \
	tests/lint/c.awk tests/lint/files.sh tests/lint/lint.sh \
	tests/lint/analyzer.sh \
	tests/lint/circles.awk tests/lint/circles.sh \
	tests/lint/clang-format.sh \
	tests/lint/clang-tidy.sh \
	tests/lint/coverage.awk tests/lint/coverage.sh \
	tests/lint/cppcheck.sh \
	tests/lint/kinds.awk tests/lint/kinds.sh \
	tests/lint/layers.awk tests/lint/layers.sh \
	tests/lint/prose.awk tests/lint/prose.rules tests/lint/prose.sh \
	tests/lint/selftest.sh \
	tests/lint/shellcheck.sh \
	tests/lint/statics.awk tests/lint/statics.sh \
	tests/lint/style.awk tests/lint/style.sh
