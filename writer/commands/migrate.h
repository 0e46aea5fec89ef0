/* sluice-writer --migrate: creates the topics and the schema. */
#pragma once

#include "writer/commands/roles.h"
#include "writer/core/pg_blocking.h"
#include "writer/core/settings.h"
#include "writer/startup/topics.h"

#include <stdbool.h>

/* Prints what it does to standard output; with `dry` it only prints.
 * `triggers`:
 * --triggers (writer/commands/triggers.c). Waits for
 * servers that are still starting, as the setting `wait` says. Returns an exit
 * code. */
int migrate(const struct config *config, const struct writer_settings *s,
    bool dry, bool triggers);
/* --migrate --grants: the three database roles (writer/commands/roles.h).
 * Prints the script, and connects to nothing; with `apply` it runs the script
 * instead. Returns an exit code. */
int migrate_grants(const struct writer_settings *s, bool apply);
/* Of the settings. */
struct roles migrate_roles(const struct writer_settings *s);
/* The first half of migrate; prints, too. */
struct err migrate_topics(struct topics *t, struct patience *patience,
    const struct writer_settings *s, bool dry);
