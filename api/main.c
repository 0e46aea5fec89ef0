/* sluice-api: answers reads from L1, Redis, the replica and the primary;
 * appends writes to the log.
 */
#include "api/access/new_key.h"
#include "api/admin/writer_ask.h"
#include "api/app.h"
#include "api/core/admission.h"
#include "api/core/guard.h"
#include "api/core/metrics.h"
#include "api/core/settings.h"
#include "common/base/log.h"
#include "common/daemon/daemon.h"

#include <stdlib.h>

static struct new_key new_key;

/* --new-key makes a key where no server is, so it needs no valid settings. */
static struct err api_check(const struct config *config)
{
	if (new_key.name)
		return ERR_OK;
	struct err e = new_key_check_alone(&new_key);
	if (e.kind == ERR_KIND_OK)
		e = api_settings_check(config);
	if (e.kind == ERR_KIND_OK)
		e = writer_ask_check(config->settings);
	return e.kind == ERR_KIND_OK ? admission_check(config->settings) : e;
}

static struct err api_check_files(const struct config *config)
{
	if (new_key.name)
		return ERR_OK;
	struct err e = guard_check_limits(config);
	return e.kind == ERR_KIND_OK ? api_settings_check_files(config) : e;
}

static bool configure(struct config *config, int argc, char **argv, int *code)
{
	static struct daemon_option options[NEW_KEY_OPTIONS];
	new_key_options(&new_key, options);
	const struct daemon_spec spec = {
	    .name = "sluice-api",
	    .purpose = "the HTTP API: reads through the caches, writes to "
		       "the log",
	    .config = config,
	    .options = options,
	    .noptions = NEW_KEY_OPTIONS,
	    .metrics = api_metric_rows,
	    .nmetrics = api_metric_count,
	    .more_metrics = collection_metric_rows,
	    .nmore_metrics = collection_metric_count,
	    .check = api_check,
	    .check_files = api_check_files,
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
	config.has_limits = true;
	if (!configure(&config, argc, argv, &code))
		;
	else if (new_key.name) {
		code = new_key_print(&new_key, settings.auth_keys);
	} else {
		app_init(&app, &config);
		code = api_serve(&app);
	}
	config_free(&config);
	return code;
}
