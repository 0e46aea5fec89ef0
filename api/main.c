/* sluice-api: answers reads from L1, Redis, the replica and the primary;
 * appends writes to the log.
 */
#include "api/app.h"
#include "api/core/metrics.h"
#include "api/core/settings.h"
#include "common/base/log.h"
#include "common/daemon/daemon.h"

#include <stdlib.h>

static bool configure(struct config *config, int argc, char **argv, int *code)
{
	const struct daemon_spec spec = {
	    .name = "sluice-api",
	    .purpose = "the HTTP API: reads through the caches, writes to "
		       "the log",
	    .config = config,
	    .metrics = api_metric_rows,
	    .nmetrics = api_metric_count,
	    .check = api_settings_check,
	};
	return daemon_configure(&spec, argc, argv, code);
}

static int api_serve(struct app *app)
{
	const struct daemon_end end = {
	    .announce = app_leave,
	    .drain = app_drain,
	    .arg = app,
	    .delay = app->shared.settings->drain_delay,
	    .timeout = app->shared.settings->common.drain_timeout,
	    .reload = app->reload,
	};
	struct daemon_signals *signals =
	    daemon_signals_new(app->shared.loop, &end);
	struct err e = app_start(app);
	if (e.kind != ERR_KIND_OK) {
		/* No request was accepted yet, so there is nothing to drain. */
		log_event(EV_START_REFUSED, "code=%s error=%s", e.code,
		    log_quote(e.msg));
		_Exit(EXIT_FAILURE);
	}
	loop_run(app->shared.loop);
	daemon_ends_within(app->shared.settings->common.drain_timeout);
	app_stop(app);
	daemon_signals_free(&signals);
	int code = app->exit_code;
	app_free(app);
	log_event(EV_STOP, "code=%d", code);
	return code;
}

int main(int argc, char **argv)
{
	struct api_settings settings = {0};
	struct config config;
	struct app app;
	int code;
	config_init(&config, &settings, api_setting_rows, api_setting_count);
	if (configure(&config, argc, argv, &code)) {
		app_init(&app, &config);
		code = api_serve(&app);
	}
	config_free(&config);
	return code;
}
