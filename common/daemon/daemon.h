/* What the main() of all three daemons share: arguments, signals, the exit.
 *
 * The command line is in common/daemon/arguments.h.
 */
#pragma once

#include "common/base/loop.h"
#include "common/base/metrics.h"
#include "common/daemon/config.h"
#include "common/trace/tracer.h"

#include <stdbool.h>

struct reload;

/* A flag of one daemon without a value, e.g. --migrate. */
struct daemon_flag {
	const char *name;
	bool *set;
	const char *help;
};

/* An argument of one daemon with a value: `--role NAME` or `--role=NAME`. It
 * may be given several times. */
struct daemon_option {
	const char *name;
	const char *value; /* what stands for the value in --help */
	/* The value is borrowed for ever. */
	void (*take)(void *arg, const char *value);
	void *arg;
	const char *help;
};

struct daemon_spec {
	const char *name; /* sluice-api */
	const char *purpose;
	struct config *config; /* initialised */
	const struct daemon_flag *flags;
	size_t nflags;
	const struct daemon_option *options;
	size_t noptions;
	const struct metric_row *metrics;
	size_t nmetrics;
	const struct metric_row *more_metrics; /* of each collection */
	size_t nmore_metrics;
	/* Checks across settings. May be NULL. */
	struct err (*check)(const struct config *c);
	/* Checks files that the settings name, at the start only: a reload has
	 * a result for each of them. May be NULL. */
	struct err (*check_files)(const struct config *c);
};

/* Reads file, environment and arguments, in this order, and initialises the
 * log. False: the process ends with *exit_code (help was printed, or an error
 * was, naming what is wrong). */
bool daemon_configure(
    const struct daemon_spec *spec, int argc, char **argv, int *exit_code);

/* Reads file, environment and arguments once more, into a config that was
 * initialised like the daemon's own, and checks it in the same way. */
struct err daemon_load_again(struct config *out);

/* The tracer that the settings ask for; owned. NULL: trace.url is empty. */
struct tracer *daemon_tracer(
    const struct common_settings *s, struct tracer_counters counters);

/* The daemon is ending. If the process is still there `timeout` later, it ends
 * with code 3, whatever any thread or library does. Of several calls the
 * earliest end counts. From any thread. */
void daemon_ends_within(dur_us_t timeout);

/* What SIGTERM and SIGINT begin. All is called on the loop, once. */
struct daemon_end {
	/* At once. May be NULL. */
	void (*announce)(void *arg);
	/* `delay` later. The daemon ends within `timeout` from then. */
	void (*drain)(void *arg);
	void *arg;
	dur_us_t delay, timeout;
	struct reload *reload; /* borrowed */
};

/* Of several SIGTERM and SIGINT the first one counts. SIGHUP reloads. SIGUSR1
 * and SIGUSR2 are logged and do nothing; SIGPIPE is ignored. */
struct daemon_signals;
struct daemon_signals *daemon_signals_new(
    struct loop *l, const struct daemon_end *end);
void daemon_signals_free(struct daemon_signals **s);
