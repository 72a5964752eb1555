/* SPDX-License-Identifier: MIT */
/* The help texts of top, with or without ncurses. */
#ifndef TOOL_TOP_TEXT_H
#define TOOL_TOP_TEXT_H

#define TOP_SYNOPSIS "[--delay DURATION] [OPTION...]"
#define TOP_SUMMARY  "Watch all objects on the terminal"
#define TOP_HELP                                                               \
	"Keys:\n"                                                              \
	"  q                   quit\n"                                         \
	"  arrows, PgUp, PgDn  scroll the list; Home and End do so too\n"      \
	"  s, r                sort by the next column; reverse the order\n"   \
	"  k, b                show only one kind; show only one backend\n"    \
	"  h, ?                show this help until a key is pressed\n"        \
	"\n"                                                                   \
	"The lines above the list show what each backend has, and how many\n"  \
	"objects and bytes came and went per second since the last update.\n"  \
	"An object that comes and goes between two updates is not seen.\n"     \
	"\n"                                                                   \
	"Options:\n"                                                           \
	"  --delay DURATION time between updates, at least 100ms; default: "   \
	"1s\n"                                                                 \
	"  --backend LIST   use only these backends\n"                         \
	"  --kind shm|sem   as the key k\n"                                    \
	"  --sort KEY, -r   as the keys s and r; KEY is a title in lower "     \
	"case\n"

#endif
