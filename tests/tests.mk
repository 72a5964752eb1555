# SPDX-License-Identifier: MIT
TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = $(SHELL)

if HAVE_CHECK
# Black box: one suite, linked as a user's program is, once for each backend.
conformance = tests/conformance-posix.sh tests/conformance-sysv.sh \
	tests/conformance-memfd.sh tests/conformance-file.sh
TESTS += $(conformance) tests/room.sh
check_PROGRAMS += tests/check_conformance

tests_check_conformance_SOURCES = \
	tests/check_conformance.c tests/backend_file.c \
	tests/conform.c tests/conform.h tests/apart.c tests/apart.h \
	tests/grave.c tests/grave.h \
	tests/conform_create.c tests/conform_errors.c tests/conform_fds.c \
	tests/conform_fds_hostile.c tests/conform_fds_users.c \
	tests/conform_gc.c \
	tests/conform_hostile.c tests/conform_info.c tests/conform_list.c \
	tests/conform_lock.c tests/conform_lock_death.c \
	tests/conform_lock_sleep.c tests/conform_mode.c tests/conform_names.c \
	tests/conform_process.c \
	tests/conform_sem.c tests/conform_transient.c \
	tests/conform_unlink.c tests/conform_wait.c
tests_check_conformance_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_check_conformance_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_conformance_LDADD = libshmipc.la $(CHECK_LIBS)

# White box: linked with everything, hidden symbols included.
if MEMFD
TESTS += tests/units.sh
check_PROGRAMS += tests/check_units
tests_check_units_SOURCES = tests/check_units.c tests/units.h \
	tests/brokers.c tests/brokers.h tests/fake_worker.c \
	tests/unit_box.c \
	tests/unit_broker.c tests/unit_client.c tests/unit_fake.c \
	tests/unit_held.c \
	tests/unit_keeper.c tests/unit_keys.c tests/unit_life.c \
	tests/unit_posix.c tests/unit_report.c tests/unit_run.c \
	tests/unit_sysv.c tests/unit_walk.c \
	tests/unit_wire.c tests/unit_words.c tests/unit_worker.c
tests_check_units_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_check_units_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_units_LDADD = libbroker.la libshmipc-intree.la $(CHECK_LIBS)
endif
endif

# The command shmipc.
tool = tests/tool-all.sh tests/tool-posix.sh tests/tool-sysv.sh \
	tests/tool-memfd.sh tests/tool-many.sh tests/tool-dead-posix.sh \
	tests/tool-dead-sysv.sh tests/tool-dead-memfd.sh
TESTS += $(tool)
check_PROGRAMS += tests/tool/dead tests/tool/interrupts tests/tool/many \
	tests/tool/terminal
tests_tool_dead_SOURCES = tests/tool/dead.c tests/grave.c tests/grave.h
tests_tool_dead_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_tool_dead_LDADD = libshmipc.la
tests_tool_interrupts_SOURCES = tests/tool/interrupts.c
tests_tool_interrupts_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_tool_many_SOURCES = tests/tool/many.c
tests_tool_many_LDADD = libshmipc.la
tests_tool_terminal_SOURCES = tests/tool/terminal.c
tests_tool_terminal_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
EXTRA_DIST += $(tool) tests/tool/all.sh tests/tool/apart.sh \
	tests/tool/backend.sh tests/tool/common.sh tests/tool/dead.sh \
	tests/tool/lock.sh tests/tool/many.sh tests/tool/objects.sh \
	tests/tool/sem.sh

# The protocols of the semaphores and the locks, for spin. Nothing that was
# built takes part: they are for who changes a protocol.
models:
	srcdir='$(srcdir)' $(SHELL) $(srcdir)/tests/model.sh
.PHONY: models
EXTRA_DIST += tests/model.sh tests/model/lockword.pml tests/model/semword.pml

# A program that knows nothing but a name.
check_PROGRAMS += tests/opener
tests_opener_SOURCES = tests/opener.c tests/backend_file.c
tests_opener_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_opener_LDADD = libshmipc.la

# Static, since what is set-user-id is not where its libraries are.
TESTS += tests/secure.sh
check_PROGRAMS += tests/secure
tests_secure_SOURCES = tests/secure.c
tests_secure_LDADD = libshmipc-intree.la
EXTRA_DIST += tests/secure.sh

# What ThreadSanitizer can see: threads on one mapping.
TESTS += tests/threads.sh
check_PROGRAMS += tests/threads
tests_threads_SOURCES = tests/threads.c
tests_threads_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_threads_LDADD = libshmipc-intree.la
EXTRA_DIST += tests/threads.sh

# Loaded by a program that knows nothing of it. Not with sanitizers, which want
# to be there before it.
if !SANITIZERS
TESTS += tests/loaded.sh
check_PROGRAMS += tests/loaded
tests_loaded_SOURCES = tests/loaded.c
tests_loaded_LDADD = $(SHMIPC_DL_LIBS)
endif
EXTRA_DIST += tests/loaded.sh

# Death and refusal at every step, races and kills in numbers.
stress = tests/stress-posix.sh tests/stress-sysv.sh tests/stress-memfd.sh \
	tests/stress-file.sh
if MEMFD
stress += tests/broker.sh
endif
TESTS += $(stress)
check_PROGRAMS += tests/walk/walk tests/stress/stress
tests_walk_walk_SOURCES = tests/walk/after.c tests/walk/object.c \
	tests/walk/scene.c tests/walk/trace.c tests/walk/walk.c tests/walk/walk.h \
	tests/apart.c tests/apart.h tests/grave.c tests/grave.h \
	tests/backend_file.c
tests_walk_walk_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_walk_walk_LDADD = libshmipc.la
children = tests/stress/children.c tests/stress/children.h tests/grave.c
tests_stress_stress_SOURCES = tests/stress/crowd.c tests/stress/kill.c \
	tests/stress/left.c tests/stress/lock.c tests/stress/race.c \
	tests/stress/sleep.c tests/stress/steps.c tests/stress/stress.c \
	tests/stress/stress.h tests/stress/transient.c $(children) \
	tests/apart.c tests/apart.h tests/backend_file.c
tests_stress_stress_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_stress_stress_LDADD = libshmipc.la

# The broker of memfd: its start, its end, its death, and its enemies.
if MEMFD
check_PROGRAMS += tests/broker/broker
tests_broker_broker_SOURCES = tests/broker/attack.c tests/broker/broker.c \
	tests/broker/broker.h tests/broker/cold.c tests/broker/hostile.c \
	tests/broker/hostile.h tests/broker/idle.c tests/broker/kill.c \
	tests/broker/killing.c tests/broker/latency.c tests/broker/meeting.c \
	tests/broker/processes.c tests/broker/restart.c $(children)
tests_broker_broker_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_broker_broker_LDADD = libshmipc-intree.la
TESTS += tests/refuse.sh
endif
EXTRA_DIST += tests/broker.sh tests/refuse.sh

# One's garbage must not be another's: who collects it runs alone.
tests/units.log: $(conformance:.sh=.log)
$(stress:.sh=.log): tests/units.log $(conformance:.sh=.log)

# The long form; about three quarters of an hour.
stress: $(check_PROGRAMS)
	for test in $(stress); do \
		SHMIPC_STRESS=long srcdir='$(srcdir)' \
			$(SHELL) $(srcdir)/$$test || exit 1; \
	done
.PHONY: stress

# For libFuzzer, so for clang: configure with CC=clang and
# --enable-sanitizers=fuzzer-no-link,address,undefined.
fuzzers = tests/fuzz/header
tests_fuzz_header_SOURCES = tests/fuzz/header.c
tests_fuzz_header_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_fuzz_header_LDADD = libshmipc-intree.la
tests_fuzz_header_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
if MEMFD
fuzzers += tests/fuzz/wire
endif
tests_fuzz_wire_SOURCES = tests/fuzz/wire.c
tests_fuzz_wire_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_fuzz_wire_LDADD = libbroker.la libshmipc-intree.la
tests_fuzz_wire_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
EXTRA_PROGRAMS = tests/fuzz/header tests/fuzz/wire
FUZZ_SECONDS = 60
# Each for so long; at the same time, with make -j.
fuzz_runs = $(fuzzers:=.fuzz)
fuzz: $(fuzz_runs)
$(fuzz_runs): $(fuzzers)
	$(@:.fuzz=) -max_total_time=$(FUZZ_SECONDS) -max_len=4200 \
		-print_final_stats=1
.PHONY: fuzz $(fuzz_runs)
CLEANFILES += $(EXTRA_PROGRAMS)

EXTRA_DIST += tests/units.sh tests/room.sh tests/on_backend.sh $(conformance) \
	tests/stress.sh $(stress)

# The command shmipc: what it says of the machine, and on a terminal.
TESTS += tests/tool-bench.sh tests/tool-doctor.sh tests/tool-top.sh
EXTRA_DIST += tests/tool-bench.sh tests/tool-doctor.sh tests/tool-top.sh

TESTS += tests/before.sh tests/exports.sh tests/demo.sh tests/bench.sh \
	tests/after.sh
EXTRA_DIST += tests/before.sh tests/exports.sh tests/demo.sh tests/bench.sh \
	tests/after.sh tests/objects.sh tests/install.sh
CLEANFILES += tests/objects.before

# The first before all others, the last after them. Measurements run alone, and
# then see what they leave.
ends = tests/before.log tests/bench.log tests/after.log
all_but_ends = $(filter-out $(ends),$(TEST_LOGS))
$(all_but_ends): tests/before.log
tests/bench.log: $(all_but_ends)
tests/after.log: $(all_but_ends) $(filter tests/bench.log,$(TEST_LOGS))

# With sanitizers a static program cannot be linked, and a shared one needs
# their library; there is nothing to install then.
if !SANITIZERS
installcheck-local:
	CC='$(CC)' CXX='$(CXX)' $(SHELL) $(srcdir)/tests/install.sh \
		'$(libdir)' '$(examplesdir)'
endif
