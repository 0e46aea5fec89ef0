/* The settings on SIGHUP: file and environment are read again, with the files
 * that hold values (common/daemon/secret_file.h).
 *
 * A running daemon can take a new log.level, and new users and passwords of
 * Postgres and Redis, which new connections use. Everything else is read at the
 * start only, the declarations of collections, too; what has changed there is
 * told.
 */
#pragma once

#include "common/daemon/config.h"
#include "common/daemon/reload.h"

struct reload_settings;

/* Adds its things to `r`. Borrows both, as long as it lives. */
struct reload_settings *reload_settings_new(
    struct reload *r, const struct config *config);
void reload_settings_free(struct reload_settings **s);
