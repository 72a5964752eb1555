# SPDX-License-Identifier: MIT
TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = $(SHELL)

if HAVE_CHECK
# Black box: one suite, linked as a user's program is, once for each backend.
conformance = tests/conformance-posix.sh tests/conformance-sysv.sh \
	tests/conformance-memfd.sh tests/conformance-file.sh
TESTS += $(conformance) tests/room.sh
check_PROGRAMS += tests/check_conformance tests/opener

tests_check_conformance_SOURCES = \
	tests/check_conformance.c tests/backend_file.c \
	tests/conform.c tests/conform.h \
	tests/conform_create.c tests/conform_errors.c tests/conform_info.c \
	tests/conform_mode.c tests/conform_names.c tests/conform_process.c \
	tests/conform_sem.c tests/conform_unlink.c tests/conform_wait.c
tests_check_conformance_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_check_conformance_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_conformance_LDADD = libshmipc.la $(CHECK_LIBS)

tests_opener_SOURCES = tests/opener.c tests/backend_file.c
tests_opener_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_opener_LDADD = libshmipc.la
endif

EXTRA_DIST += tests/on_backend.sh $(conformance)
