/* sluice-writer --adopt: prints declarations of tables that exist.
 *
 * A declaration goes to standard output, or into a folder, and is accepted by
 * the daemons as it is. What it cannot express, and each table that cannot be a
 * collection, goes to standard error, with the reason.
 */
#pragma once

#include "writer/core/settings.h"

#include <stddef.h>

enum {
	ADOPT_MOST = 32,   /* arguments */
	ADOPT_NOT_ALL = 3, /* the exit code if a table cannot be adopted */
};

/* What the command line says. Zeroed: nothing. */
struct adopt_wanted {
	const char *names[ADOPT_MOST]; /* borrowed: schema.table, schema.*, * */
	size_t n;
	const char *folder; /* borrowed; NULL: standard output */
};

/* For struct daemon_option: `arg` is a struct adopt_wanted. */
void adopt_take_name(void *arg, const char *value);
void adopt_take_folder(void *arg, const char *value);

/* Reads the database of primary.url, and changes nothing. Returns an exit code:
 * 0, 1 after an error, or ADOPT_NOT_ALL. */
int adopt(const struct writer_settings *s, const struct adopt_wanted *wanted);
