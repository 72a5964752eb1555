# SPDX-License-Identifier: MIT
# The demo. Linked statically, so that these are the programs themselves, no
# wrappers, and run from the build tree as they stand.
noinst_PROGRAMS += examples/parent examples/child
examples_parent_SOURCES = examples/parent.c
examples_parent_LDADD = libshmipc-intree.la
examples_child_SOURCES = examples/child.c
examples_child_LDADD = libshmipc-intree.la

EXTRA_DIST += examples/demo.sh

.PHONY: demo
demo: all
	$(AM_V_at)$(SHELL) $(srcdir)/examples/demo.sh examples
