# SPDX-License-Identifier: MIT
# The shmipc command. It is linked with the shared library, as users' programs
# are.
bin_PROGRAMS += tools/shmipc
tools_shmipc_SOURCES = \
	tools/backends.c \
	tools/bytes.c \
	tools/list.c \
	tools/columns.c \
	tools/commands.c tools/commands.h \
	tools/create.c \
	tools/doctor.c tools/doctor.h \
	tools/doctor_broker.c \
	tools/doctor_cgroup.c \
	tools/doctor_environment.c \
	tools/doctor_library.c \
	tools/doctor_logind.c \
	tools/doctor_system.c \
	tools/doctor_version.c \
	tools/doctor_sysv.c \
	tools/find.c \
	tools/gc.c \
	tools/lock.c \
	tools/ls.c \
	tools/main.c \
	tools/ps.c \
	tools/report.c \
	tools/rm.c \
	tools/sem.c \
	tools/stat.c \
	tools/tool.h \
	tools/units.c
tools_shmipc_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE \
	-DTOOL_BROKER_PATH='"$(pkglibexecdir)/shmipc-broker"'
tools_shmipc_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(NCURSES_CFLAGS)
tools_shmipc_LDADD = libshmipc.la $(JANSSON_LIBS) $(NCURSES_LIBS)
if JANSSON
tools_shmipc_SOURCES += tools/json.c
else
tools_shmipc_SOURCES += tools/json-none.c
endif
if NCURSES
tools_shmipc_SOURCES += tools/top.c tools/top.h tools/top_changes.c \
	tools/top_screen.c tools/top_text.h
else
tools_shmipc_SOURCES += tools/top_none.c tools/top_text.h
endif
