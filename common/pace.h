/* How long the client of a connection may take over each phase of a request.
 *
 * Whether it reads its answer, the kernel is asked: whoever writes to the
 * socket sees only that it is full.
 */
#pragma once

#include "common/clock.h"

#include <stdbool.h>
#include <stdint.h>

enum pace_phase {
	PACE_IDLE, /* there is no request */
	PACE_RECEIVING,
	PACE_HELD, /* suspended in the middle of its body */
	PACE_ANSWERING,
	PACE_STREAMING, /* an answer whose maker looks after the client */
};

struct pace {
	enum pace_phase phase;
	mono_us_t since;
	dur_us_t age; /* when it was held: waiting for us is not its own time */
	uint64_t taken; /* bytes of the connection, by the last look */
	bool looked;
};

struct pace_limits {
	dur_us_t idle, receive;
	dur_us_t send; /* nothing of an answer is taken, though it is there */
};

void pace_enter(struct pace *p, enum pace_phase phase, mono_us_t now);
/* From RECEIVING to HELD. */
void pace_hold(struct pace *p, mono_us_t now);
/* Of one that is HELD: goes on where it was. */
void pace_let_go(struct pace *p, mono_us_t now);
/* A look, from time to time, at the connection with that socket: did its client
 * take too long? */
bool pace_over(
    struct pace *p, const struct pace_limits *most, int fd, mono_us_t now);
