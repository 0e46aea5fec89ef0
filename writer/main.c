/* sluice-writer: from the log of writes into Postgres, exactly once.
 *
 *   writer.c              connects the modules
 *   report.c control.c    the admin port: readiness, requests of operators
 *
 *   core/         what every part uses: settings, metrics, Postgres
 *   startup/      checks that schema, topics and settings are of one log
 *   takeover/     from an assignment to the offset to begin at
 *   batch/        one partition: its batches, one transaction each
 *   decide/       the outcome of each write of a batch: no I/O
 *   commits/      announces on sluice.commits what was committed
 *   rejections/   rejected writes: reason, expiry, repair
 *   outbox/       changes of rows by other programs: touches
 *   commands/     --migrate, --adopt, --advance-epoch, --drain, the database
 * roles
 */
#include "writer/commands/adopt.h"
#include "writer/commands/advance_epoch.h"
#include "writer/commands/migrate.h"
#include "writer/core/stats.h"
#include "writer/writer.h"

#include "common/base/log.h"
#include "common/daemon/daemon.h"
#include "common/kafka/member.h"

#include <stdio.h>
#include <stdlib.h>

#define SETTING(kind, field, name, def, allowed, aliases, help)                \
	SETTING_ROW(struct writer_settings, kind, field, name, def, allowed,   \
	    aliases, help)
static const struct setting rows[] = {
#include "writer/core/settings.def"
};
#undef SETTING

static struct err writer_check(const struct config *config)
{
	const struct writer_settings *s = config->settings;
	const struct roles roles = migrate_roles(s);
	struct err e = roles_check(&roles);
	return e.kind == ERR_KIND_OK ? member_check(s->group_instance) : e;
}

static int writer_serve(
    const struct config *config, const struct writer_settings *s, bool emptying)
{
	struct writer *w;
	struct err e = writer_new(config, s, emptying, &w);
	int code = EXIT_FAILURE;
	if (e.kind == ERR_KIND_OK)
		code = writer_run(w);
	else
		log_event(EV_START_REFUSED, "code=%s error=%s", e.code,
		    log_quote(e.msg));
	daemon_ends_within(s->common.drain_timeout);
	writer_free(&w);
	log_event(EV_STOP, "code=%d", code);
	return code;
}

static int misused(const char *why)
{
	fprintf(stderr, "sluice-writer: %s\n", why);
	return 2; /* as for any argument that is refused */
}

int main(int argc, char **argv)
{
	static struct writer_settings settings;
	struct config config;
	bool migrating = false, advancing = false, dry = false;
	bool made_again = false, emptying = false;
	bool grants = false, apply = false, triggers = false;
	config_init(&config, &settings, rows, sizeof rows / sizeof *rows);
	const struct daemon_flag flags[] = {
	    {"migrate", &migrating,
		"create missing topics and tables, then exit"},
	    {"advance-epoch", &advancing,
		"move to the log that the settings name, then exit "
		"(docs/operations.md)"},
	    {"dry-run", &dry,
		"with --migrate or --advance-epoch: only print what would be "
		"done"},
	    {"grants", &grants,
		"with --migrate: only print SQL that sets up the three "
		"database roles (docs/operations.md)"},
	    {"triggers", &triggers,
		"with --migrate: also make triggers, which note what other "
		"programs change (docs/adopt.md)"},
	    {"apply", &apply, "with --migrate --grants: run this SQL"},
	    {"made-again", &made_again,
		"with --advance-epoch: the topic was created again, not "
		"truncated"},
	    {"drain", &emptying, "apply all writes in the log, then exit"},
	};
	struct adopt_wanted adopting = {.n = 0};
	const struct daemon_option options[] = {
	    {"adopt", "SCHEMA.TABLE", adopt_take_name, &adopting,
		"print a declaration of this table, or of all (SCHEMA.*, *)"},
	    {"into", "FOLDER", adopt_take_folder, &adopting,
		"with --adopt: write a file for each table instead"},
	};
	const struct daemon_spec spec = {
	    .name = "sluice-writer",
	    .purpose = "applies the log of writes to Postgres, exactly once",
	    .config = &config,
	    .flags = flags,
	    .nflags = sizeof flags / sizeof *flags,
	    .options = options,
	    .noptions = sizeof options / sizeof *options,
	    .metrics = stats_rows,
	    .nmetrics = stats_nrows,
	    .more_metrics = collection_stats_rows,
	    .nmore_metrics = collection_stats_nrows,
	    .check = writer_check,
	};
	int code;
	if (!daemon_configure(&spec, argc, argv, &code))
		;
	else if (adopting.n)
		code = adopt(&settings, &adopting);
	else if (adopting.folder)
		code = misused("--into is for --adopt");
	else if (advancing)
		code =
		    advance_epoch_advance(&config, &settings, dry, made_again);
	else if (apply && !grants)
		code = misused("--apply is for --migrate --grants");
	else if (triggers && (grants || !(migrating || dry)))
		code = misused("--triggers is for --migrate");
	else if (grants)
		code = migrate_grants(&settings, apply && !dry);
	else if (migrating || dry)
		code = migrate(&config, &settings, dry, triggers);
	else
		code = writer_serve(&config, &settings, emptying);
	config_free(&config);
	return code;
}
