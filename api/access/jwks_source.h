/* The keys that tokens are verified with, from a file or from a URL.
 *
 * A file is read at the start and at each reload. A URL is fetched by a thread
 * of the source's own: at the start, every `refresh`, and when a token names a
 * key that the set does not have, at most every `pause`. A server that is slow
 * delays nobody, and each fetch ends after `timeout`. As long as a set cannot
 * be fetched or used, the one before stays.
 *
 * A set is immutable. Request threads take a reference to the current one under
 * a mutex, which is held for the two instructions that need it. `generation`
 * grows by one after a set was exchanged: who sees the new generation gets the
 * new set, or a newer one.
 */
#pragma once

#include "common/access/jwks.h"
#include "common/base/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct jwks_source;

struct jwks_source_options {
	const char *from; /* auth.jwt.jwks */
	const char *ca;	  /* a file of CA certificates; "": the system's */
	dur_us_t timeout; /* of one fetch, from the name to the last byte */
	dur_us_t refresh; /* between two fetches */
	dur_us_t pause;	  /* at least, between two fetches; a failed one is
			   * repeated after it, too */
};

/* Main thread. The error names the file and what is wrong with it. A URL is not
 * waited for. */
struct err jwks_source_new(
    const struct jwks_source_options *o, struct jwks_source **out);
/* Main thread. Ends a fetch that is under way. */
void jwks_source_free(struct jwks_source **s);
/* Main thread. Reads the file again; if that fails, the keys stay as they were.
 * Sets *changed if they are other ones. A URL is fetched soon. */
struct err jwks_source_reload(struct jwks_source *s, bool *changed);

/* The functions below are for any thread. */

/* Returns one reference; NULL: there is no set yet. */
struct jwks *jwks_source_take(struct jwks_source *s);
/* 0: there is no set yet. */
uint64_t jwks_source_generation(const struct jwks_source *s);
/* A token names a key that no set up to this generation has. `name`: a hash of
 * the key's name. True: the answer may be another one soon, since no fetch has
 * succeeded that began after the key was first named, or since a fetch is under
 * way, begins now, or has ended meanwhile. */
bool jwks_source_unknown(
    struct jwks_source *s, uint64_t generation, uint64_t name);

struct jwks_source_state {
	uint64_t fetched, failed; /* fetches */
	size_t keys;
	dur_us_t age; /* since the last fetch that succeeded, or the start; 0: a
			 file */
	char error[256]; /* of the last fetch; "": it succeeded */
};
struct jwks_source_state jwks_source_state(struct jwks_source *s);
