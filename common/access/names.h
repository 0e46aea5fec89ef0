/* A small table of names, each with a number: the roles, the claims.
 *
 * One thread adds names: that of the start, then the main loop (SIGHUP). A name
 * that is there stays as it is, so every thread may read the table meanwhile.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { NAMES_MAX = 64, NAMES_NAME_MAX = 63 };

struct names {
	char text[NAMES_MAX][NAMES_NAME_MAX + 1];
	atomic_size_t n;
};

/* The number of the name; adds it if it is new. False: the table is full, or
 * the name is empty or too long. */
bool names_add(struct names *t, const char *name, size_t len, unsigned *out);
/* False: the table does not have it. */
bool names_find(
    const struct names *t, const char *name, size_t len, unsigned *out);
