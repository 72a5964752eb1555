/* SPDX-License-Identifier: MIT */
/* Hostile clients and honest ones at one broker: hostile.c, attack.c. */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "tests/broker/broker.h"

/* REST: nobody does anything. */
enum phase { QUIET, ATTACK, REST, END };

struct hostile {
	_Atomic int phase;		/* enum phase */
	_Atomic unsigned long packets;	/* of attackers, that were sent */
	_Atomic unsigned long connects; /* of attackers */
	_Atomic unsigned long opens;	/* of honest clients, all of them */
	struct latency kept[2];		/* opens, in each phase */
	struct latency fresh[2];	/* opens by a new client, likewise */
};

extern struct hostile *hostile_shared;

/* A client that does what it should not, while the phase is ATTACK. */
void attack(unsigned slot);

#endif
