/* The three database roles, as SQL (pure core).
 *
 *   migrate   owns the schema sluice and the tables: for --migrate
 *   writer    changes rows: for sluice-writer
 *   reader    reads rows and reserves ids: for sluice-api, sluice-projector
 *
 * The script sets them up in any state of the database, and may be repeated.
 * The rights on tables are given explicitly, by each --migrate. Default
 * privileges would be no substitute: they would also apply to tables in
 * `public` that are no collections.
 */
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"

struct roles {
	const char *migrate, *writer, *reader; /* roles_check accepts them */
};

/* FATAL: a name needs quotes that the script does not make. */
struct err roles_check(const struct roles *roles);

/* Appends the script that makes the roles, gives them the database, and the
 * rights on what is there. Only an administrator may run it. */
void roles_script(struct buf *out, const struct roles *roles);

/* Appends the last part of it, which the owner may run: the rights on what is
 * there, of the roles that are set up for this database. */
void roles_rights(struct buf *out, const struct roles *roles);
