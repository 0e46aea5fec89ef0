#include "common/redis/redis.h"

#include "common/base/backoff.h"
#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/http/resolve.h"
#include "common/net/renewal.h"
#include "common/redis/redis_command.h"
#include "common/redis/redis_conn.h"
#include "common/redis/redis_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_SCRIPTS = 8,
	MAX_ARGS = 16 * 1024,
	SHA_LEN = 40,
	BREAKER_LIMIT = 20,
	SWEEP_US = 5000,
};

enum state {
	STATE_AWAY,	  /* waits for the backoff timer */
	STATE_RESOLVING,  /* waits for the name */
	STATE_CONNECTING, /* waits for the connection */
	STATE_LOADING,	  /* waits for SCRIPT LOAD */
	STATE_READY,
	STATE_CLOSED,
};

struct redis {
	struct redis_options o;
	struct redis_url url;
	struct redis_conn *conn;
	struct resolve *lookup;
	enum state state;
	struct loop_timer *timer; /* backoff, connect */
	struct loop_timer *sweep; /* deadlines of ops */
	struct backoff backoff;
	struct breaker breaker;
	struct redis_commands ops;
	unsigned loading; /* hello commands that are not answered */
	char sha[MAX_SCRIPTS][SHA_LEN + 1];
};

static void redis_lost(struct redis *r, const char *why);

struct err redis_check_url(const char *url)
{
	struct redis_url u;
	struct err e = redis_url_parse(url, &u);
	redis_url_free(&u);
	return e;
}

struct err redis_check_tls(
    const char *url, const struct tls_client_options *tls)
{
	struct redis_url u;
	struct err e = redis_url_parse(url, &u);
	bool files = tls->ca[0] || tls->cert[0] || tls->key[0];
	if (e.kind == ERR_KIND_OK && files && !u.tls)
		e = err_make(ERR_KIND_FATAL, "config",
		    "settings '%s.*' are given, but 'redis.url' does not "
		    "begin with rediss://",
		    tls->name);
	else if (e.kind == ERR_KIND_OK && u.tls)
		e = tls_client_check(tls);
	redis_url_free(&u);
	return e;
}

struct err redis_check_renewal(
    const char *setting, const char *first, const char *now)
{
	struct redis_url a, b = {0};
	struct err e = redis_url_parse(first, &a);
	if (e.kind == ERR_KIND_OK)
		e = redis_url_parse(now, &b);
	if (e.kind == ERR_KIND_OK &&
	    (strcmp(a.host, b.host) != 0 || a.port != b.port || a.db != b.db ||
		a.tls != b.tls))
		e = err_make(ERR_KIND_FATAL, "config",
		    "%s leads to another host, port or database, or "
		    "begins in another way, now: restart "
		    "the daemon",
		    setting);
	redis_url_free(&a);
	redis_url_free(&b);
	return e;
}

/* --- commands ------------------------------------------------------------ */

static void redis_on_reply(
    struct redis_conn *c, const redisReply *reply, void *arg)
{
	struct redis *r = redis_conn_owner(c);
	bool in_time = redis_command_answer(arg, reply);
	/* Only in time: a Redis that always answers late is down, too. */
	if (reply && in_time)
		breaker_success(&r->breaker);
	free(arg);
}

static void redis_on_sweep(void *arg)
{
	struct redis *r = arg;
	mono_us_t now = clock_mono();
	for (size_t n = redis_commands_expire(&r->ops, now); n; n--)
		breaker_failure(&r->breaker, now);
	/* A connection that answers nothing may be dead (a cut cable shows no
	 * error). So it is replaced; the new one must answer before it is
	 * ready. */
	if (r->breaker.state == BREAKER_OPEN && r->state == STATE_READY)
		redis_lost(r, "no answers in time");
	if (r->ops.first)
		loop_timer_start(r->sweep, SWEEP_US);
}

bool redis_submit(struct redis *r, int argc, const char *const *argv,
    const size_t *lens, redis_done done, void *arg)
{
	mono_us_t now = clock_mono();
	if (r->state != STATE_READY || r->ops.n >= r->o.max_pending ||
	    !breaker_allow(&r->breaker, now))
		return false;
	struct redis_command *op =
	    redis_command_new(&r->ops, done, arg, now + r->o.timeout);
	redis_conn_command(r->conn, argc, argv, lens, redis_on_reply, op);
	if (!loop_timer_armed(r->sweep))
		loop_timer_start(r->sweep, r->o.timeout);
	return true;
}

static void load_scripts(struct redis *r);

struct eval {
	struct redis *r;
	redis_done done;
	void *arg;
};

static void on_eval(void *arg, const redisReply *reply)
{
	struct eval e = *(struct eval *)arg;
	free(arg);
	bool missing = reply && reply->type == REDIS_REPLY_ERROR &&
		       strncmp(reply->str, "NOSCRIPT", 8) == 0;
	if (missing) {
		log_event(EV_REDIS_SCRIPT, "text=%s", log_quote(reply->str));
		load_scripts(e.r);
	}
	e.done(e.arg, missing ? NULL : reply);
}

bool redis_eval(struct redis *r, size_t script, int nkeys, int argc,
    const char *const *argv, const size_t *lens, redis_done done, void *arg)
{
	CHECK(script < r->o.nscripts && argc + 3 <= MAX_ARGS);
	if (r->state != STATE_READY)
		return false;
	const char **all = mem_alloc((size_t)(argc + 3) * sizeof *all);
	size_t *all_lens = mem_alloc((size_t)(argc + 3) * sizeof *all_lens);
	char keys[16];
	snprintf(keys, sizeof keys, "%d", nkeys);
	const char *const head[3] = {"EVALSHA", r->sha[script], keys};
	for (int i = 0; i < argc + 3; i++) {
		all[i] = i < 3 ? head[i] : argv[i - 3];
		all_lens[i] = i < 3 ? strlen(head[i]) : lens[i - 3];
	}
	struct eval *e = MEM_NEW(struct eval);
	*e = (struct eval){r, done, arg};
	bool sent = redis_submit(r, argc + 3, all, all_lens, on_eval, e);
	if (!sent)
		free(e);
	free(all);
	free(all_lens);
	return sent;
}

/* --- hello: AUTH, SELECT, SCRIPT LOAD ------------------------------------ */

static void redis_on_probe(void *arg, const redisReply *reply)
{
	struct redis *r = arg;
	if (reply)
		backoff_reset(&r->backoff);
}

/* When the breaker opened, the connection was replaced. The first command of
 * the new one is the probe, so that no command of a caller has to be. Without
 * an answer in time, the connection is replaced again. */
static void redis_probe(struct redis *r)
{
	static const char *const argv[] = {"PING"};
	static const size_t lens[] = {4};
	redis_submit(r, 1, argv, lens, redis_on_probe, r);
}

static void redis_is_ready(struct redis *r)
{
	r->state = STATE_READY;
	loop_timer_stop(r->timer);
	if (r->breaker.state == BREAKER_CLOSED)
		backoff_reset(&r->backoff);
	else
		redis_probe(r);
	log_event(EV_REDIS_UP, "host=%s port=%d", r->url.host, r->url.port);
	if (r->o.state)
		r->o.state(r->o.arg, true);
}

static void on_hello(struct redis_conn *c, const redisReply *reply, void *arg)
{
	struct redis *r = redis_conn_owner(c);
	(void)arg;
	if (reply == NULL || r->state == STATE_CLOSED)
		return; /* the connection was given up */
	if (reply->type == REDIS_REPLY_ERROR) {
		/* LOADING, NOAUTH, …: tries again later. */
		redis_lost(r, reply->str);
		return;
	}
	if (--r->loading == 0 && r->state == STATE_LOADING)
		redis_is_ready(r);
}

static void on_loaded(struct redis_conn *c, const redisReply *reply, void *arg)
{
	char *sha = arg;
	if (reply && reply->type == REDIS_REPLY_STRING && reply->len == SHA_LEN)
		memcpy(sha, reply->str, SHA_LEN + 1);
	on_hello(c, reply, arg);
}

/* Sends a command of at most three words: the others are NULL. */
static void greet(struct redis *r, redis_conn_done done, void *arg,
    const char *first, const char *second, const char *third)
{
	const char *const words[] = {first, second, third};
	size_t lens[3];
	int n = 0;
	for (; n < 3 && words[n]; n++)
		lens[n] = strlen(words[n]);
	r->loading++;
	redis_conn_command(r->conn, n, words, lens, done, arg);
}

static void load_scripts(struct redis *r)
{
	for (size_t i = 0; i < r->o.nscripts && r->conn; i++) {
		struct buf text = {0};
		buf_str(&text, r->o.scripts[i].shared);
		buf_str(&text, r->o.scripts[i].text);
		greet(r, on_loaded, r->sha[i], "SCRIPT", "LOAD", text.data);
		buf_free(&text);
	}
}

static void hello(struct redis *r)
{
	char db[16];
	r->state = STATE_LOADING;
	r->loading = 0;
	if (r->url.password[0] && r->url.user[0])
		greet(r, on_hello, NULL, "AUTH", r->url.user, r->url.password);
	else if (r->url.password[0])
		greet(r, on_hello, NULL, "AUTH", r->url.password, NULL);
	if (r->url.db) {
		snprintf(db, sizeof db, "%d", r->url.db);
		greet(r, on_hello, NULL, "SELECT", db, NULL);
	}
	load_scripts(r);
	greet(r, on_hello, NULL, "PING", NULL, NULL);
}

/* --- connection ---------------------------------------------------------- */

static void redis_on_connected(void *arg)
{
	hello(arg);
}

static void redis_on_lost(void *arg, const char *why)
{
	redis_lost(arg, why);
}

static void redis_lost(struct redis *r, const char *why)
{
	if (r->state == STATE_AWAY || r->state == STATE_CLOSED)
		return;
	bool was = r->state == STATE_READY;
	/* Logs each outage, not each attempt. */
	if (was || r->backoff.attempts == 0)
		log_event(EV_REDIS_DOWN, "host=%s port=%d error=%s",
		    r->url.host, r->url.port, log_quote(why));
	r->state = STATE_AWAY;
	redis_commands_fail(&r->ops);
	redis_conn_free(&r->conn);
	loop_timer_start(r->timer, backoff_next(&r->backoff, random_bits()));
	if (was && r->o.state)
		r->o.state(r->o.arg, false);
}

static void connect_to(struct redis *r, const char *address)
{
	const struct redis_conn_options o = {
	    .loop = loop_uv(r->o.loop),
	    .address = address,
	    .port = r->url.port,
	    .tls = r->url.tls ? &r->o.tls : NULL,
	    .host = r->url.host,
	    .connected = redis_on_connected,
	    .lost = redis_on_lost,
	    .arg = r,
	};
	r->state = STATE_CONNECTING;
	r->conn = redis_conn_new(&o);
	loop_timer_start(r->timer, r->o.timeout + CLOCK_S(1));
}

static void redis_on_resolved(void *arg, const char *address, const char *error)
{
	struct redis *r = arg;
	r->lookup = NULL;
	if (address)
		connect_to(r, address);
	else
		redis_lost(r, error);
}

/* The user or the password may be another one now. */
static void redis_renew(struct redis *r)
{
	struct redis_url url;
	char *now = renewal_of(r->o.url);
	if (redis_url_parse(now, &url).kind == ERR_KIND_OK) {
		redis_url_free(&r->url);
		r->url = url;
	}
	free(now);
}

/* Not by hiredis, which would block the calling thread. */
static void resolve(struct redis *r)
{
	r->state = STATE_RESOLVING;
	redis_renew(r);
	r->lookup = resolve_start(r->o.loop, r->url.host, redis_on_resolved, r);
	if (r->lookup == NULL)
		redis_lost(r, "the name cannot be looked up");
}

static void redis_on_timer(void *arg)
{
	struct redis *r = arg;
	if (r->state == STATE_AWAY)
		resolve(r);
	else if (r->state == STATE_CONNECTING || r->state == STATE_LOADING)
		redis_lost(r, "timeout while connecting");
}

/* --- interface ----------------------------------------------------------- */

struct redis *redis_new(const struct redis_options *o)
{
	CHECK(o->nscripts <= MAX_SCRIPTS);
	struct redis *r = MEM_NEW(struct redis);
	r->o = *o;
	struct err e = redis_url_parse(o->url, &r->url);
	CHECK(e.kind == ERR_KIND_OK);
	redis_commands_init(&r->ops);
	r->timer = loop_timer_new(o->loop, redis_on_timer, r);
	r->sweep = loop_timer_new(o->loop, redis_on_sweep, r);
	backoff_init(&r->backoff, CLOCK_MS(50), CLOCK_S(2));
	breaker_init(&r->breaker, BREAKER_LIMIT, 0);
	loop_timer_start(r->timer, 0);
	return r;
}

bool redis_ready(const struct redis *r)
{
	return r->state == STATE_READY;
}

enum breaker_state redis_breaker(const struct redis *r)
{
	return r->breaker.state;
}

bool redis_up(const struct redis *r)
{
	return r->state == STATE_READY && r->breaker.state == BREAKER_CLOSED;
}

void redis_free(struct redis **rp)
{
	struct redis *r = *rp;
	if (r == NULL)
		return;
	r->state = STATE_CLOSED;
	redis_commands_fail(&r->ops);
	redis_conn_free(&r->conn);
	resolve_cancel(&r->lookup);
	loop_timer_free(&r->timer);
	loop_timer_free(&r->sweep);
	redis_url_free(&r->url);
	free(r);
	*rp = NULL;
}
