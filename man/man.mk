# SPDX-License-Identifier: MIT
# The manual. Its pages are mdoc(7), for mandoc and for groff.
library_pages = \
	man/shmipc-backend.3 \
	man/shmipc_list.3 \
	man/shmipc_open.3 \
	man/shmipc_sem_open.3 \
	man/shmipc_shm_export_fd.3 \
	man/shmipc_shm_lock.3 \
	man/shmipc_shm_open.3

# Functions are not renamed by --program-prefix and the like, programs are.
notrans_dist_man_MANS = $(library_pages) man/shmipc.7
dist_man_MANS = man/shmipc.1
if MEMFD
notrans_dist_man_MANS += man/shmipc-broker.8
endif
EXTRA_DIST += man/names.awk

# A page has a link for each further name that its NAME section lists. Goes
# before what a shell is to do with $page and $name, and two ends of loops.
link_dir = $(DESTDIR)$(mandir)/man3
for_each_link = for file in $(library_pages); do \
	page=`basename $$file`; \
	for name in `$(AWK) -f $(srcdir)/man/names.awk $(srcdir)/$$file`; do

install-man-links:
	$(AM_V_at)$(for_each_link) \
		ln -sf $$page '$(link_dir)'/$$name.3 || exit 1; \
	done; done

uninstall-hook:
	$(AM_V_at)$(for_each_link) rm -f '$(link_dir)'/$$name.3; done; done

TESTS += tests/run/man.sh
EXTRA_DIST += tests/run/man.sh \
	tests/run/man/c.awk tests/run/man/declarations.awk \
	tests/run/man/errors_declared.awk tests/run/man/errors_written.awk \
	tests/run/man/options.awk
