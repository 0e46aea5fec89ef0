/* sluice-writer: from the log of writes into Postgres, exactly once.
 *
 *   settings.def metrics.def   what can be set, what is counted
 *   migrate.c  schema.c  topics.c    --migrate: makes topics and tables
 *   writer.c   wiring           report.c     the admin port
 *   control.c  rejections.c  requeue.c       what it can be told there
 *   epoch.c  session.c          --advance-epoch: to a new log
 *   start.c  logcheck.c  ends.c  the log is the one of the database
 *   takeover.c  marks.c  gap.c  from an assignment to where to begin
 *   announced.c  others.c       outcomes that were told before a failover
 *   partition.c                 one partition: batches, backpressure
 *   attempt.c                   a batch until it is decided: retry, bisection
 *   batch.c  queue.c            when writes become a batch
 *   write.c                     a write, from the log
 *   lookup.c                    what must be read before a batch is decided
 *   producers.c  idempotency.c  copies and retries
 *   fold.c  document.c  decimal.c  arena.c   writes, folded per key
 *   verdicts.c                  what becomes of every write
 *   plan.c  rowset.c  notes.c  call.c  apply.c   a batch as one transaction
 *   prune.c                     what is kept for a time
 *   recheck.c                   Postgres is where the partitions believe
 *   emptying.c                  --drain: until the log is applied
 *   evict.c                     sessions of writers that stopped
 *   announce.c                  what was committed, on sluice.commits
 *   pool.c  ask.c  statements.c connections, questions, SQL
 */
#include "writer/commands/advance_epoch.h"
#include "writer/commands/migrate.h"
#include "writer/stats.h"
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
#include "writer/settings.def"
};
#undef SETTING

static struct err check(const struct config *config)
{
	const struct writer_settings *s = config->settings;
	return member_check(s->group_instance);
}

static int serve(
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

int main(int argc, char **argv)
{
	static struct writer_settings settings;
	struct config config;
	bool migrating = false, advancing = false, dry = false;
	bool made_again = false, emptying = false;
	config_init(&config, &settings, rows, sizeof rows / sizeof *rows);
	const struct daemon_flag flags[] = {
	    {"migrate", &migrating, "create missing topics and tables, exit"},
	    {"advance-epoch", &advancing,
		"move to the log of the settings, exit (docs/operations.md)"},
	    {"dry-run", &dry, "with one of these: only print what it would do"},
	    {"made-again", &made_again,
		"with --advance-epoch: the topic was made again, not cut"},
	    {"drain", &emptying, "apply what the log holds, exit"},
	};
	const struct daemon_spec spec = {
	    .name = "sluice-writer",
	    .purpose = "applies the log of writes to Postgres, exactly once",
	    .config = &config,
	    .flags = flags,
	    .nflags = sizeof flags / sizeof *flags,
	    .metrics = stats_rows,
	    .nmetrics = stats_nrows,
	    .check = check,
	};
	int code;
	if (!daemon_configure(&spec, argc, argv, &code))
		;
	else if (advancing)
		code =
		    advance_epoch_advance(&config, &settings, dry, made_again);
	else if (migrating || dry)
		code = migrate(&config, &settings, dry);
	else
		code = serve(&config, &settings, emptying);
	config_free(&config);
	return code;
}
