/* sluice-projector: from the commits into Redis.
 *
 *   projector.c   wiring
 *   report.c      the admin port
 *   core/     what every part uses: settings, metrics
 *   apply/    one partition of the commits: makes scripts of messages, from
 *             Redis's own watermark on
 *   warm/     fills a Redis that was emptied
 *   audit/    checks that the tiers hold what was committed
 */
#include "projector/core/stats.h"
#include "projector/projector.h"

#include "common/base/log.h"
#include "common/daemon/daemon.h"
#include "common/kafka/member.h"

#include <stdlib.h>

#define SETTING(kind, field, name, def, allowed, aliases, help)                \
	SETTING_ROW(struct projector_settings, kind, field, name, def,         \
	    allowed, aliases, help)
static const struct setting rows[] = {
#include "projector/core/settings.def"
};
#undef SETTING

static struct err projector_check(const struct config *config)
{
	const struct projector_settings *s = config->settings;
	return member_check(s->group_instance);
}

static int projector_serve(
    const struct config *config, const struct projector_settings *s)
{
	struct projector *p;
	struct err e = projector_new(config, s, &p);
	int code = EXIT_FAILURE;
	if (e.kind == ERR_KIND_OK)
		code = projector_run(p);
	else
		log_event(EV_START_REFUSED, "code=%s error=%s", e.code,
		    log_quote(e.msg));
	daemon_ends_within(s->common.drain_timeout);
	projector_free(&p);
	log_event(EV_STOP, "code=%d", code);
	return code;
}

int main(int argc, char **argv)
{
	static struct projector_settings settings;
	struct config config;
	config_init(&config, &settings, rows, sizeof rows / sizeof *rows);
	const struct daemon_spec spec = {
	    .name = "sluice-projector",
	    .purpose = "keeps Redis up to date with the commits",
	    .config = &config,
	    .metrics = stats_rows,
	    .nmetrics = stats_nrows,
	    .check = projector_check,
	};
	int code;
	if (daemon_configure(&spec, argc, argv, &code))
		code = projector_serve(&config, &settings);
	config_free(&config);
	return code;
}
