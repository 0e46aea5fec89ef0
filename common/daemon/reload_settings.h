/* The settings on SIGHUP: file and environment are read again, with the files
 * that hold values (common/daemon/secret_file.h).
 *
 * A running daemon can take a new log.level, new users and passwords of
 * Postgres and Redis, which new connections use, and new collections.
 * Everything else is read at the start only, other changes of declarations,
 * too; what has changed there is told.
 */
#pragma once

#include "common/daemon/config.h"
#include "common/daemon/reload.h"

struct reload_settings;
struct collection;

/* What a daemon does for new collections. Each function may be NULL. */
struct reload_collections {
	/* For each, before any thread can find it. */
	void (*begins)(void *arg, const struct collection *c);
	/* Once, when all of them are in use. */
	void (*taken)(void *arg);
	void *arg;
};

/* Adds its things to `r`. Borrows `r` and `config`, as long as it lives. */
struct reload_settings *reload_settings_new(struct reload *r,
    const struct config *config, const struct reload_collections *c);
void reload_settings_free(struct reload_settings **s);
