#include "common/daemon/daemon.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/daemon/admin.h"
#include "common/daemon/admin_token.h"
#include "common/daemon/config_family.h"
#include "common/daemon/healthcheck.h"
#include "common/daemon/reload.h"
#include "common/http/origin_check.h"
#include "common/kafka/kafka.h"
#include "common/postgres/pg.h"
#include "common/redis/redis.h"
#include "common/schema/collection.h"
#include "common/sql/sql_table.h"

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

/* --- arguments ----------------------------------------------------------- */

struct arguments {
	const char *file;
	bool check;
	const char *docs;
	const char *probe; /* livez, readyz */
};

static void print_help(const struct daemon_spec *spec)
{
	printf("%s: %s\n\n"
	       "  --config=FILE    read settings from FILE (name = value)\n"
	       "  --check-config   check the settings and exit\n"
	       "  --print-docs=config|metrics|events   print that page\n"
	       "  --probe=readyz|livez   ask the daemon that runs with these "
	       "settings, on\n"
	       "                   admin.listen; exit code 0: well, 1: not. "
	       "--probe: readyz\n"
	       "  --version, --help\n",
	    spec->name, spec->purpose);
	for (size_t i = 0; i < spec->nflags; i++)
		printf(
		    "  --%-14s %s\n", spec->flags[i].name, spec->flags[i].help);
	for (size_t i = 0; i < spec->noptions; i++)
		printf("  --%s %s\n                   %s\n",
		    spec->options[i].name, spec->options[i].value,
		    spec->options[i].help);
	printf("\nSettings (also in the file, and in the environment as "
	       "SLUICE_NAME_WITH_UNDERSCORES):\n\n");
	config_print_help(spec->config);
	if (spec->config->has_limits)
		printf(
		    "  --limit.ROLE=RATE\n"
		    "      How many requests a caller of this role may send: "
		    "100/s burst 200, none.\n");
	printf("  --kafka.PROPERTY=VALUE\n"
	       "      Any librdkafka property.\n"
	       "  --NAME.file=PATH\n"
	       "      The value of the setting NAME is the content of this "
	       "file.\n");
}

static bool print_docs(const struct daemon_spec *spec, const char *what)
{
	if (strcmp(what, "config") == 0)
		config_print_docs(spec->config);
	else if (strcmp(what, "metrics") == 0)
		metrics_print_docs(spec->metrics, spec->nmetrics);
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

static bool set_flag(const struct daemon_spec *spec, const char *name)
{
	for (size_t i = 0; i < spec->nflags; i++) {
		if (strcmp(spec->flags[i].name, name) != 0)
			continue;
		*spec->flags[i].set = true;
		return true;
	}
	return false;
}

/* *value: what stands behind `=`; NULL: nothing does. */
static const struct daemon_option *find_option(
    const struct daemon_spec *spec, const char *arg, const char **value)
{
	if (strncmp(arg, "--", 2) != 0)
		return NULL;
	for (size_t i = 0; i < spec->noptions; i++) {
		const struct daemon_option *o = &spec->options[i];
		size_t len = strlen(o->name);
		if (strncmp(arg + 2, o->name, len) != 0)
			continue;
		*value = arg[2 + len] == '=' ? arg + 2 + len + 1 : NULL;
		if (*value || arg[2 + len] == '\0')
			return o;
	}
	return NULL;
}

/* Removes the options from the arguments. */
static struct err take_options(
    const struct daemon_spec *spec, int *argc, char **argv)
{
	int kept = 1;
	for (int i = 1; i < *argc; i++) {
		const char *value;
		const struct daemon_option *o =
		    find_option(spec, argv[i], &value);
		if (o == NULL) {
			argv[kept++] = argv[i];
			continue;
		}
		if (value == NULL && i + 1 < *argc &&
		    strncmp(argv[i + 1], "--", 2) != 0)
			value = argv[++i];
		if (value == NULL)
			return err_make(ERR_KIND_FATAL, "config",
			    "argument '--%s': expected --%s %s (--help)",
			    o->name, o->name, o->value);
		o->take(o->arg, value);
	}
	*argc = kept;
	return ERR_OK;
}

/* --primary-url means primary.url: no setting has a dash in its name, except
 * for the names of roles. */
static struct err set_argument(struct config *c, const char *arg)
{
	const char *equals = strchr(arg, '=');
	if (equals == NULL)
		return err_make(ERR_KIND_FATAL, "config",
		    "argument '--%s': expected --name=value (--help)", arg);
	char *name = mem_strndup(arg, (size_t)(equals - arg));
	size_t fixed = config_family_fixed(name);
	for (size_t i = 0; i < fixed; i++) {
		if (name[i] == '-')
			name[i] = '.';
	}
	struct err e = config_set(c, name, equals + 1);
	free(name);
	return e;
}

/* Takes an argument that is not a setting. False: it is none of these. */
static bool special(
    const struct daemon_spec *spec, const char *arg, struct arguments *out)
{
	if (strncmp(arg, "config=", 7) == 0)
		out->file = arg + 7;
	else if (strcmp(arg, "check-config") == 0)
		out->check = true;
	else if (strncmp(arg, "print-docs=", 11) == 0)
		out->docs = arg + 11;
	else if (strcmp(arg, "probe") == 0)
		out->probe = "readyz";
	else if (strncmp(arg, "probe=", 6) == 0)
		out->probe = arg + 6;
	else
		return set_flag(spec, arg);
	return true;
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
	struct err e = kafka_conf(&k, NULL, &conf);
	if (e.kind != ERR_KIND_OK)
		return e;
	rd_kafka_conf_destroy(conf);
	e = pg_check_url("primary.url", s->primary_url);
	return e.kind == ERR_KIND_OK ? redis_check_url(s->redis_url) : e;
}

/* For `--name value`, only the name is printed: the value may be a secret. */
static struct err not_understood(
    const struct daemon_spec *spec, int i, char **argv)
{
	struct arguments ignored = {0};
	const char *before = i > 1 ? argv[i - 1] : "";
	if (strncmp(before, "--", 2) == 0 && strchr(before, '=') == NULL &&
	    !special(spec, before + 2, &ignored))
		return err_make(ERR_KIND_FATAL, "config",
		    "argument '%s': expected --name=value (--help)", before);
	return err_make(ERR_KIND_FATAL, "config",
	    "unknown argument '%s' (see --help)", argv[i]);
}

static struct err daemon_load(const struct daemon_spec *spec, int argc,
    char **argv, struct arguments *args)
{
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--", 2) != 0)
			return not_understood(spec, i, argv);
		special(spec, argv[i] + 2, args);
	}
	struct err e = ERR_OK;
	/* The daemon that is asked works, whatever became of its files. */
	spec->config->lenient = args->probe != NULL;
	if (args->file)
		e = config_load_file(spec->config, args->file);
	if (e.kind == ERR_KIND_OK)
		e = config_load_env(spec->config, environ);
	struct arguments again = {0};
	for (int i = 1; i < argc && e.kind == ERR_KIND_OK; i++) {
		if (!special(spec, argv[i] + 2, &again))
			e = set_argument(spec->config, argv[i] + 2);
	}
	if (e.kind == ERR_KIND_OK)
		e = check_common(spec->config);
	if (e.kind == ERR_KIND_OK && spec->check)
		e = spec->check(spec->config);
	return e;
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
	spec.config = out;
	return daemon_load(&spec, started.argc, started.argv, &args);
}

static bool help_or_version(const struct daemon_spec *spec, const char *arg)
{
	if (strcmp(arg, "--help") == 0) {
		print_help(spec);
		return true;
	}
	if (strcmp(arg, "--version") == 0) {
		printf("%s v%s\n", spec->name, SLUICE_VERSION);
		return true;
	}
	return false;
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
	if (e.kind == ERR_KIND_OK && spec->check_files)
		e = spec->check_files(spec->config);
	return e;
}

static bool daemon_refuse(
    const struct daemon_spec *spec, const struct err *e, int *exit_code)
{
	fprintf(stderr, "%s: %s\n", spec->name, e->msg);
	*exit_code = EXIT_USAGE;
	return false;
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
	for (int i = 1; i < argc; i++) {
		if (help_or_version(spec, argv[i]))
			return false;
	}
	struct arguments args = {0};
	struct err e = take_options(spec, &argc, argv);
	started.spec = *spec;
	started.argc = argc;
	started.argv = argv;
	if (e.kind == ERR_KIND_OK)
		e = daemon_load(spec, argc, argv, &args);
	if (e.kind != ERR_KIND_OK)
		return daemon_refuse(spec, &e, exit_code);
	if (args.docs) {
		bool known = print_docs(spec, args.docs);
		*exit_code = known ? EXIT_SUCCESS : EXIT_USAGE;
		return false;
	}
	const struct common_settings *s = spec->config->settings;
	e = collections_load(s->collections_dir);
	if (e.kind == ERR_KIND_OK)
		e = sql_table_check_relations();
	/* A file of keys may name the roles of the collections. */
	if (e.kind == ERR_KIND_OK && args.probe == NULL)
		e = daemon_check_files(spec);
	if (e.kind != ERR_KIND_OK)
		return daemon_refuse(spec, &e, exit_code);
	if (args.check) {
		warn_of_renamed(spec, false);
		printf("%s: the configuration is valid\n", spec->name);
		return false;
	}
	if (args.probe) {
		*exit_code = daemon_probe(spec, args.probe);
		return false;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN); /* until there is something to reload */
	for (size_t i = 0; i < PASSED_OVER; i++)
		signal(passed_over[i].number, SIG_IGN);
	enum log_level level = LOG_INFO;
	CHECK(log_level_parse(s->log_level, &level));
	log_init(spec->name, level);
	log_event(EV_START, "version=%s pid=%d", SLUICE_VERSION, (int)getpid());
	warn_of_renamed(spec, true);
	const struct kafka_config kafka = config_kafka(spec->config);
	kafka_warn(&kafka);
	return true;
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
	static const char line[] =
	    "level=error ev=drain.late text=\"drain.timeout is over\"\n";
	struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
	if (poll(&out, 1, 0) > 0) {
		ssize_t ignored = write(STDERR_FILENO, line, sizeof line - 1);
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
