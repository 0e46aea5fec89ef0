#include "common/daemon/daemon.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/daemon/admin.h"
#include "common/daemon/admin_token.h"
#include "common/daemon/arguments.h"
#include "common/daemon/build_info.h"
#include "common/daemon/healthcheck.h"
#include "common/daemon/help.h"
#include "common/daemon/process.h"
#include "common/daemon/reload.h"
#include "common/http/origin_check.h"
#include "common/kafka/kafka.h"
#include "common/postgres/pg.h"
#include "common/redis/redis.h"
#include "common/schema/collection.h"
#include "common/schema/collections_load.h"
#include "common/sql/sql_relation.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROBE_TIMEOUT CLOCK_S(3)

enum { EXIT_USAGE = 2, EXIT_LATE = 3 };

/* Signals that would end the process by default, but are sent out of habit, for
 * example by logrotate. They are ignored. */
static const struct {
	int number;
	const char *name;
} passed_over[] = {{SIGUSR1, "USR1"}, {SIGUSR2, "USR2"}};
enum { PASSED_OVER = sizeof passed_over / sizeof passed_over[0] };

#define LATE "drain.timeout is over"
static const char late_logfmt[] =
    "level=error ev=drain.late text=\"" LATE "\"\n";
static const char late_json[] =
    "{\"level\":\"error\",\"ev\":\"drain.late\",\"text\":\"" LATE "\"}\n";
/* Written at the start only. */
static struct {
	const char *line;
	size_t len;
} late = {late_logfmt, sizeof late_logfmt - 1};

/* --- commands ------------------------------------------------------------ */

static void print_metrics(const struct daemon_spec *spec)
{
	metrics_print_docs(spec->metrics, spec->nmetrics);
	metrics_print_rows(spec->more_metrics, spec->nmore_metrics);
	process_print_docs();
}

static bool print_docs(const struct daemon_spec *spec, const char *what)
{
	if (strcmp(what, "config") == 0)
		config_print_docs(spec->config);
	else if (strcmp(what, "metrics") == 0)
		print_metrics(spec);
	else if (strcmp(what, "events") == 0)
		log_print_docs();
	else
		return false;
	return true;
}

/* Its output is for `docker inspect` and the operator. */
static int daemon_probe(const struct daemon_spec *spec, const char *page)
{
	struct buf body = {0};
	struct err e;
	if (strcmp(page, "livez") != 0 && strcmp(page, "readyz") != 0)
		e = err_make(ERR_KIND_FATAL, "probe",
		    "--probe=%s: allowed: readyz, livez", page);
	else
		e = healthcheck_ask(config_text(spec->config, "admin.listen"),
		    config_text(spec->config, "admin.tls.cert")[0] != '\0',
		    page, PROBE_TIMEOUT, &body);
	if (body.len)
		fputs(body.data, stdout);
	buf_free(&body);
	if (e.kind == ERR_KIND_OK)
		return EXIT_SUCCESS;
	fprintf(stderr, "%s: %s\n", spec->name, e.msg);
	return e.kind == ERR_KIND_RETRY ? EXIT_FAILURE : EXIT_USAGE;
}

static struct err bad_setting(const char *setting, const char *allowed)
{
	return err_make(ERR_KIND_FATAL, "config",
	    "setting '%s' has a bad value; allowed: %s", setting, allowed);
}

/* Neither value is shown: both may have a password. */
static struct err check_traces(const struct common_settings *s)
{
	const char *url = *s->trace_url ? tracer_check_url(s->trace_url) : NULL;
	const char *header =
	    *s->trace_header ? tracer_check_header(s->trace_header) : NULL;
	if (url)
		return bad_setting("trace.url", url);
	return header ? bad_setting("trace.header", header) : ERR_OK;
}

static struct err check_trace_ca(const struct common_settings *s)
{
	if (*s->trace_url == '\0' || *s->trace_ca == '\0' ||
	    access(s->trace_ca, R_OK) == 0)
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "config",
	    "setting 'trace.ca': %.150s: %s", s->trace_ca, strerror(errno));
}

/* Checks the settings whose values only a library understands. */
static struct err check_common(const struct config *c)
{
	const struct common_settings *s = c->settings;
	const struct kafka_config k = config_kafka(c);
	rd_kafka_conf_t *conf;
	if (!origin_check_check_hosts(s->admin_hosts))
		return err_make(ERR_KIND_FATAL, "config",
		    "setting 'admin.hosts' has the bad value '%s'; allowed: "
		    "comma-separated names without ports",
		    s->admin_hosts);
	if (s->kafka_token[0] && k.token_file == NULL)
		return err_make(ERR_KIND_FATAL, "config",
		    "setting 'kafka.sasl.oauthbearer.token' must be given as "
		    "a file: kafka.sasl.oauthbearer.token.file");
	struct err e = check_traces(s);
	if (e.kind == ERR_KIND_OK)
		e = kafka_conf(&k, NULL, &conf);
	if (e.kind != ERR_KIND_OK)
		return e;
	rd_kafka_conf_destroy(conf);
	e = pg_check_url("primary.url", s->primary_url);
	return e.kind == ERR_KIND_OK ? redis_check_url(s->redis_url) : e;
}

/* The checks across settings see what every source has set. */
static void daemon_check(const struct daemon_spec *spec, struct faults *faults)
{
	if (faults->n)
		return;
	faults_add(faults, check_common(spec->config));
	if (spec->check)
		faults_add(faults, spec->check(spec->config));
}

static void daemon_load(const struct daemon_spec *spec,
    const struct arguments *args, struct faults *faults)
{
	/* The daemon that is asked works, whatever became of its files. */
	spec->config->lenient = args->probe != NULL;
	if (args->file)
		config_load_file(spec->config, args->file, faults);
	config_load_env(spec->config, environ, faults);
	arguments_apply(args, spec->config, faults);
	daemon_check(spec, faults);
}

/* What the daemon was started with: for daemon_load_again. The arguments and
 * the environment stay as they are as long as the process lives. */
static struct {
	struct daemon_spec spec;
	int argc;
	char **argv;
} started;

struct err daemon_load_again(struct config *out)
{
	struct daemon_spec spec = started.spec;
	struct arguments args = {0};
	struct faults faults = {0};
	spec.config = out;
	arguments_read(&args, &spec, started.argc, started.argv, &faults);
	daemon_load(&spec, &args, &faults);
	arguments_free(&args);
	return faults_first(&faults);
}

/* `log`: to the log, since the daemon starts. Otherwise to standard error. */
static void warn_of_renamed(const struct daemon_spec *spec, bool log)
{
	const char *name, *former;
	int len;
	for (size_t i = 0;
	     (name = config_renamed(spec->config, &i, &former, &len));) {
		if (log)
			log_event(EV_SETTING_RENAMED, "former=%.*s name=%s",
			    len, former, name);
		else
			fprintf(stderr,
			    "%s: warning: the setting '%.*s' is now called "
			    "'%s'; the next release does not know the former "
			    "name\n",
			    spec->name, len, former, name);
	}
}

static struct err daemon_check_files(const struct daemon_spec *spec)
{
	const struct common_settings *s = spec->config->settings;
	const struct tls_server_options admin = admin_tls(s);
	const struct tls_client_options redis = config_redis_tls(s);
	struct err e = admin_token_check(
	    config_text(spec->config, "admin.listen"), s->admin_token);
	if (e.kind == ERR_KIND_OK)
		e = tls_server_check_files(&admin);
	if (e.kind == ERR_KIND_OK)
		e = redis_check_tls(s->redis_url, &redis);
	if (e.kind == ERR_KIND_OK)
		e = check_trace_ca(s);
	if (e.kind == ERR_KIND_OK && spec->check_files)
		e = spec->check_files(spec->config);
	return e;
}

static void tell_fault(void *arg, struct err e)
{
	faults_add(arg, e);
}

/* Settings, collections, files: what depends on a fault is not looked at. */
static void check_all(const struct daemon_spec *spec,
    const struct arguments *args, struct faults *faults)
{
	daemon_load(spec, args, faults);
	if (faults->n || args->docs)
		return;
	const struct common_settings *s = spec->config->settings;
	collections_load_all(s->collections_dir, tell_fault, faults);
	if (faults->n == 0)
		faults_add(faults, sql_relation_check_loaded());
	/* A file of keys may name the roles of the collections. */
	if (faults->n == 0 && args->probe == NULL)
		faults_add(faults, daemon_check_files(spec));
}

/* Does what ends at once. False: the daemon starts. */
static bool obey(const struct daemon_spec *spec, const struct arguments *args,
    const struct faults *faults, int *exit_code)
{
	if (args->help) {
		help_print(spec);
	} else if (args->version) {
		build_info_print(spec->name);
	} else if (faults->n) {
		faults_print(faults, spec->name);
		*exit_code = EXIT_USAGE;
	} else if (args->docs) {
		if (!print_docs(spec, args->docs))
			*exit_code = EXIT_USAGE;
	} else if (args->check) {
		warn_of_renamed(spec, false);
		printf("%s: the configuration is valid\n", spec->name);
	} else if (args->probe) {
		*exit_code = daemon_probe(spec, args->probe);
	} else {
		return false;
	}
	return true;
}

static void log_as_json(void)
{
	log_set_format(LOG_JSON);
	late.line = late_json;
	late.len = sizeof late_json - 1;
}

bool daemon_configure(
    const struct daemon_spec *spec, int argc, char **argv, int *exit_code)
{
	*exit_code = EXIT_SUCCESS;
	/* A thread of librdkafka may be in a TLS handshake when the process
	 * ends (common/kafka/writes_query.c): OpenSSL must not free what it
	 * uses. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
	/* If both streams go to one file, its lines have the order in which
	 * they were printed. */
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	struct arguments args = {0};
	struct faults faults = {0};
	started.spec = *spec;
	started.argc = argc;
	started.argv = argv;
	arguments_read(&args, spec, argc, argv, &faults);
	if (!args.help && !args.version)
		check_all(spec, &args, &faults);
	bool ends = obey(spec, &args, &faults, exit_code);
	arguments_free(&args);
	if (ends)
		return false;
	const struct common_settings *s = spec->config->settings;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN); /* until there is something to reload */
	for (size_t i = 0; i < PASSED_OVER; i++)
		signal(passed_over[i].number, SIG_IGN);
	enum log_level level = LOG_INFO;
	CHECK(log_level_parse(s->log_level, &level));
	if (strcmp(s->log_format, "json") == 0)
		log_as_json();
	log_init(spec->name, level);
	process_started();
	log_event(EV_START, "version=%s pid=%d", SLUICE_VERSION, (int)getpid());
	warn_of_renamed(spec, true);
	const struct kafka_config kafka = config_kafka(spec->config);
	kafka_warn(&kafka);
	return true;
}

struct tracer *daemon_tracer(
    const struct common_settings *s, struct tracer_counters counters)
{
	if (*s->trace_url == '\0')
		return NULL;
	const struct tracer_options o = {
	    .service = started.spec.name,
	    .url = s->trace_url,
	    .ca = s->trace_ca,
	    .header = s->trace_header,
	    .ratio = s->trace_sample,
	    .queue = (size_t)s->trace_queue,
	    .interval = s->trace_interval,
	    .counters = counters,
	};
	return tracer_new(&o);
}

/* --- signals ------------------------------------------------------------- */

struct daemon_signals {
	uv_signal_t *term, *interrupt, *hup, *others[PASSED_OVER];
	struct daemon_end end;
	struct loop_timer *delay;
	bool ending;
};

/* A signal handler. Standard error may be a full pipe: then the line is left
 * out, instead of waiting. */
static void too_late(int signal)
{
	(void)signal;
	struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
	if (poll(&out, 1, 0) > 0) {
		ssize_t ignored = write(STDERR_FILENO, late.line, late.len);
		(void)ignored;
	}
	_exit(EXIT_LATE);
}

/* By the kernel's alarm, since the loop or a library may hang. */
void daemon_ends_within(dur_us_t timeout)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	signal(SIGALRM, too_late);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	unsigned seconds = (unsigned)((timeout + 999999) / 1000000);
	unsigned left = alarm(seconds);
	if (left && left < seconds)
		alarm(left);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct daemon_signals *s = handle->data;
	if (s->ending)
		return;
	s->ending = true;
	log_event(EV_DRAIN, "signal=%s delay_ms=%lld",
	    number == SIGTERM ? "TERM" : "INT",
	    (long long)(s->end.delay / 1000));
	daemon_ends_within(s->end.delay + s->end.timeout);
	if (s->end.announce)
		s->end.announce(s->end.arg);
	if (s->end.delay)
		loop_timer_start(s->delay, s->end.delay);
	else
		s->end.drain(s->end.arg);
}

static void on_delay(void *arg)
{
	struct daemon_signals *s = arg;
	s->end.drain(s->end.arg);
}

static void on_hup(uv_signal_t *handle, int number)
{
	const struct daemon_signals *s = handle->data;
	(void)number;
	if (!s->ending)
		reload_all(s->end.reload);
}

static void on_other(uv_signal_t *handle, int number)
{
	(void)handle;
	for (size_t i = 0; i < PASSED_OVER; i++) {
		if (passed_over[i].number == number)
			log_event(EV_SIGNAL_IGNORED, "signal=%s",
			    passed_over[i].name);
	}
}

static uv_signal_t *daemon_watch(
    struct loop *l, struct daemon_signals *s, int number, uv_signal_cb fn)
{
	uv_signal_t *handle = MEM_NEW(uv_signal_t);
	CHECK_OS(uv_signal_init(loop_uv(l), handle));
	handle->data = s;
	CHECK_OS(uv_signal_start(handle, fn, number));
	return handle;
}

struct daemon_signals *daemon_signals_new(
    struct loop *l, const struct daemon_end *end)
{
	struct daemon_signals *s = MEM_NEW(struct daemon_signals);
	s->end = *end;
	s->delay = loop_timer_new(l, on_delay, s);
	s->term = daemon_watch(l, s, SIGTERM, on_signal);
	s->interrupt = daemon_watch(l, s, SIGINT, on_signal);
	s->hup = daemon_watch(l, s, SIGHUP, on_hup);
	for (size_t i = 0; i < PASSED_OVER; i++)
		s->others[i] =
		    daemon_watch(l, s, passed_over[i].number, on_other);
	return s;
}

static void daemon_free_handle(uv_handle_t *handle)
{
	free(handle);
}

/* libuv restores the default actions, which would end the process. So they are
 * ignored again. */
void daemon_signals_free(struct daemon_signals **sp)
{
	struct daemon_signals *s = *sp;
	if (s == NULL)
		return;
	loop_timer_free(&s->delay);
	uv_close((uv_handle_t *)s->term, daemon_free_handle);
	uv_close((uv_handle_t *)s->interrupt, daemon_free_handle);
	uv_close((uv_handle_t *)s->hup, daemon_free_handle);
	signal(SIGHUP, SIG_IGN);
	for (size_t i = 0; i < PASSED_OVER; i++) {
		uv_close((uv_handle_t *)s->others[i], daemon_free_handle);
		signal(passed_over[i].number, SIG_IGN);
	}
	free(s);
	*sp = NULL;
}
