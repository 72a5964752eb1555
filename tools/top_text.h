/* SPDX-License-Identifier: MIT */
/* What top says of itself, whether it was built with ncurses or not. */
#ifndef TOOL_TOP_TEXT_H
#define TOOL_TOP_TEXT_H

#define TOP_SYNOPSIS "[--delay DURATION] [OPTION...]"
#define TOP_SUMMARY  "Show all objects on the terminal, again and again"
#define TOP_HELP                                                               \
	"Keys:\n"                                                              \
	"  q                   leave\n"                                        \
	"  arrows, PgUp, PgDn  move in the list; Home and End, too\n"          \
	"  s, r                sort by the next column; the other way round\n" \
	"  k, b                show one kind only; one backend only\n"         \
	"  h, ?                show this, until any key is pressed\n"          \
	"\n"                                                                   \
	"Above the list: what each backend has, and how much has come and\n"   \
	"gone since the look before, a second. What comes and goes between\n"  \
	"two looks is not seen.\n"                                             \
	"\n"                                                                   \
	"Options:\n"                                                           \
	"  --delay DURATION between two looks, from 100ms on; else 1s\n"       \
	"  --backend LIST   look at these only\n"                              \
	"  --kind shm|sem   as k\n"                                            \
	"  --sort KEY, -r   as s and r; KEY is a title in lower case\n"

#endif
