# SPDX-License-Identifier: MIT
TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = $(SHELL)

# The fourth backend, for tests alone.
file_backend = tests/lib/backend_file.c tests/lib/backend_file_ksem.c \
	tests/lib/backend_file.h

if HAVE_CHECK
# Black box: one suite, linked as a user's program is, once for each backend.
conformance = tests/run/conformance-posix.sh tests/run/conformance-sysv.sh \
	tests/run/conformance-memfd.sh tests/run/conformance-file.sh
TESTS += $(conformance) tests/fault/room.sh
check_PROGRAMS += tests/conform/check

tests_conform_check_SOURCES = \
	tests/conform/main.c $(file_backend) \
	tests/conform/conform.c tests/conform/conform.h \
	tests/lib/unshare.c tests/lib/unshare.h \
	tests/lib/reap.c tests/lib/reap.h \
	tests/lib/process.c tests/lib/process.h \
	tests/conform/create.c tests/conform/errors.c tests/conform/fds.c \
	tests/conform/fds_hostile.c tests/conform/fds_users.c \
	tests/conform/gc.c \
	tests/conform/hostile.c tests/conform/info.c tests/conform/list.c \
	tests/conform/lock.c tests/conform/lock_death.c \
	tests/conform/lock_sleep.c tests/conform/mode.c tests/conform/names.c \
	tests/conform/process.c \
	tests/conform/sem.c tests/conform/stack.c tests/conform/transient.c \
	tests/conform/unlink.c tests/conform/wait.c
tests_conform_check_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_conform_check_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_conform_check_LDADD = libshmipc.la $(CHECK_LIBS)

# White box: linked with everything, hidden symbols included.
if MEMFD
TESTS += tests/run/units.sh
check_PROGRAMS += tests/unit/check
tests_unit_check_SOURCES = tests/unit/main.c tests/unit/unit.h \
	tests/unit/brokers.c tests/unit/brokers.h tests/unit/fake_server.c \
	tests/unit/broker.c tests/unit/client.c tests/unit/fake.c \
	tests/unit/binding.c tests/unit/order.c \
	tests/unit/supervisor.c tests/unit/keys.c \
	tests/unit/kind.c $(file_backend) tests/unit/life.c \
	tests/lib/process.c tests/lib/process.h \
	tests/unit/posix.c tests/unit/journal.c tests/unit/batch.c \
	tests/unit/sysv.c tests/unit/sysv_gc.c \
	tests/unit/sysv_fixture.c tests/unit/sysv_fixture.h \
	tests/unit/walk.c \
	tests/unit/wire.c tests/unit/words.c tests/unit/server.c
tests_unit_check_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_unit_check_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_LDADD = libbroker.la libshmipc-intree.la $(CHECK_LIBS)
endif
endif

# The command shmipc.
tool = tests/run/tool-all.sh tests/run/tool-posix.sh tests/run/tool-sysv.sh \
	tests/run/tool-memfd.sh tests/run/tool-many.sh \
	tests/run/tool-dead-posix.sh tests/run/tool-dead-sysv.sh \
	tests/run/tool-dead-memfd.sh
TESTS += $(tool)
check_PROGRAMS += tests/tool/dead tests/tool/interrupts tests/tool/many \
	tests/tool/terminal
tests_tool_dead_SOURCES = tests/tool/dead.c tests/lib/reap.c tests/lib/reap.h
tests_tool_dead_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_tool_dead_LDADD = libshmipc.la
tests_tool_interrupts_SOURCES = tests/tool/interrupts.c
tests_tool_interrupts_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_tool_many_SOURCES = tests/tool/many.c
tests_tool_many_LDADD = libshmipc.la
tests_tool_terminal_SOURCES = tests/tool/terminal.c
tests_tool_terminal_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
EXTRA_DIST += $(tool) tests/tool/all.sh tests/tool/unshare.sh \
	tests/tool/backend.sh tests/tool/common.sh tests/tool/dead.sh \
	tests/tool/lock.sh tests/tool/many.sh tests/tool/objects.sh \
	tests/tool/sem.sh

# The protocols of the semaphores and the locks, for spin. Nothing that was
# built takes part: they are for developers that change a protocol.
## models: check the protocols by the model checker spin
models:
	srcdir='$(srcdir)' $(SHELL) $(srcdir)/tests/model/model.sh
.PHONY: models
EXTRA_DIST += tests/model/model.sh tests/model/lockword.pml \
	tests/model/semword.pml

# A program that knows nothing but a name.
check_PROGRAMS += tests/lib/opener
tests_lib_opener_SOURCES = tests/lib/opener.c $(file_backend)
tests_lib_opener_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_lib_opener_LDADD = libshmipc.la

# Static, since what is set-user-id is not where its libraries are.
TESTS += tests/run/secure.sh
check_PROGRAMS += tests/run/secure
tests_run_secure_SOURCES = tests/run/secure.c
tests_run_secure_LDADD = libshmipc-intree.la
EXTRA_DIST += tests/run/secure.sh

# What ThreadSanitizer can see: threads on one mapping.
TESTS += tests/stress/threads.sh
check_PROGRAMS += tests/stress/threads
tests_stress_threads_SOURCES = tests/stress/threads.c
tests_stress_threads_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_stress_threads_LDADD = libshmipc-intree.la
EXTRA_DIST += tests/stress/threads.sh

# Loaded by a program that knows nothing of it. Not with sanitizers, which want
# to be there before it.
if !SANITIZERS
TESTS += tests/run/loaded.sh
check_PROGRAMS += tests/run/loaded
tests_run_loaded_SOURCES = tests/run/loaded.c
tests_run_loaded_LDADD = $(SHMIPC_DL_LIBS)
endif
EXTRA_DIST += tests/run/loaded.sh

# Death and refusal at every step, races and kills in numbers.
stress = tests/run/stress-posix.sh tests/run/stress-sysv.sh \
	tests/run/stress-memfd.sh tests/run/stress-file.sh
if MEMFD
stress += tests/broker/broker.sh
endif
TESTS += $(stress)
check_PROGRAMS += tests/fault/faultwalk tests/stress/stress
tests_fault_faultwalk_SOURCES = \
	tests/fault/postconditions.c tests/fault/object.c \
	tests/fault/scenario.c tests/fault/trace.c \
	tests/fault/faultwalk.c tests/fault/faultwalk.h \
	tests/lib/unshare.c tests/lib/unshare.h \
	tests/lib/reap.c tests/lib/reap.h \
	$(file_backend)
tests_fault_faultwalk_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_fault_faultwalk_LDADD = libshmipc.la
children = tests/stress/children.c tests/stress/children.h tests/lib/reap.c
tests_stress_stress_SOURCES = tests/stress/crowd.c tests/stress/kill.c \
	tests/lib/process.c tests/lib/process.h \
	tests/stress/left.c tests/stress/lock.c tests/stress/race.c \
	tests/stress/sleep.c tests/stress/steps.c tests/stress/stress.c \
	tests/stress/stress.h tests/stress/transient.c $(children) \
	tests/lib/unshare.c tests/lib/unshare.h $(file_backend)
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
TESTS += tests/fault/refuse.sh
endif
EXTRA_DIST += tests/broker/broker.sh tests/fault/refuse.sh

# One's garbage must not be another's: a test that collects it runs alone. Only
# those that are to run count: TESTS may name a few.
tests/run/units.log: $(filter $(conformance:.sh=.log),$(TEST_LOGS))
$(stress:.sh=.log): \
	$(filter tests/run/units.log $(conformance:.sh=.log),$(TEST_LOGS))

# The long form; about three quarters of an hour.
## stress: the long form of the stress tests, 45 minutes
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
## fuzz: each fuzzer for FUZZ_SECONDS; needs clang, see tests/tests.mk
fuzz: $(fuzz_runs)
$(fuzz_runs): $(fuzzers)
	$(@:.fuzz=) -max_total_time=$(FUZZ_SECONDS) -max_len=4200 \
		-print_final_stats=1
.PHONY: fuzz $(fuzz_runs)
CLEANFILES += $(EXTRA_PROGRAMS)

EXTRA_DIST += tests/run/units.sh tests/fault/room.sh tests/lib/on_backend.sh \
	$(conformance) tests/stress/stress.sh $(stress)

# The command shmipc: what it says of the machine, and on a terminal.
TESTS += tests/tool/doctor.sh tests/tool/top.sh
EXTRA_DIST += tests/tool/doctor.sh tests/tool/top.sh

TESTS += tests/run/before.sh tests/run/exports.sh tests/run/demo.sh \
	tests/run/bench.sh tests/run/after.sh
EXTRA_DIST += tests/run/before.sh tests/run/exports.sh tests/run/demo.sh \
	tests/run/bench.sh tests/run/after.sh tests/lib/objects.sh \
	tests/run/install.sh
CLEANFILES += tests/run/objects.before

# The first before all others, the last after them. Measurements run alone, and
# then see what they leave.
ends = tests/run/before.log tests/run/bench.log tests/run/after.log
all_but_ends = $(filter-out $(ends),$(TEST_LOGS))
$(all_but_ends): $(filter tests/run/before.log,$(TEST_LOGS))
tests/run/bench.log: $(all_but_ends)
tests/run/after.log: $(all_but_ends) $(filter tests/run/bench.log,$(TEST_LOGS))

# With sanitizers a static program cannot be linked, and a shared one needs
# their library; there is nothing to install then.
if !SANITIZERS
installcheck-local:
	CC='$(CC)' CXX='$(CXX)' $(SHELL) $(srcdir)/tests/run/install.sh \
		'$(libdir)' '$(examplesdir)'
endif
