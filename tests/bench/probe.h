/* How soon a write is visible: at a fixed rate, one of some probes writes its
 * own key through one server and polls it at another, over connections of its
 * own, until a read shows the new value.
 *
 * The first poll is half a millisecond after the write was sent. The pause
 * between two polls is half a millisecond, or a sixteenth of the time so far if
 * that is longer: so a time is at most a sixteenth too long, and slow probes do
 * not load the server.
 */
#pragma once

#include "samples.h"

#include <stdbool.h>

struct probe_options {
	int epoll;
	int write_port, read_port;
	const char *headers; /* of a write, each with its CRLF */
	double rate;	     /* a second; 0: none */
	mono_us_t begin;     /* the first one */
	mono_us_t from, end; /* those that begin in between are counted */
};

struct probes;

/* Returns owned. */
struct probes *probes_new(const struct probe_options *o);
/* Sends what is due; returns when to call it again. */
mono_us_t probes_run(struct probes *p, mono_us_t now);
/* Have all been seen that have begun? */
bool probes_done(const struct probes *p);
/* How many did not begin because all others had not been seen yet. */
size_t probes_skipped(const struct probes *p);
/* The times from sending to seeing. */
struct samples *probes_times(struct probes *p);
void probes_free(struct probes **p);
