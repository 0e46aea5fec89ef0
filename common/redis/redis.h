/* One asynchronous Redis connection on a loop. Commands are pipelined.
 *
 * It connects and reconnects by itself, with backoff. A command is answered
 * exactly once, never within the submit: with the reply, or with NULL if the
 * connection was lost or the deadline passed. A late reply is ignored.
 *
 * While Redis is away or too slow, a circuit breaker refuses commands at once.
 * So a dead Redis costs no latency. When the breaker opens, the connection is
 * dropped. It closes when a new connection answers a probe.
 */
#pragma once

#include "common/base/err.h"
#include "common/base/loop.h"
#include "common/net/breaker.h"
#include "common/net/tls_client.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

struct redis;

/* A Lua script, loaded on every connect. */
struct redis_script {
	const char *name;   /* for the log */
	const char *shared; /* functions in front of the text, or "" */
	const char *text;
};

/* `reply` is borrowed for the call; NULL: no answer. An error reply is passed
 * on as it is (REDIS_REPLY_ERROR). */
typedef void (*redis_done)(void *arg, const redisReply *reply);

struct redis_options {
	struct loop *loop;
	/* Both borrowed as long as the connection lives. */
	const char *url;
	struct tls_client_options tls; /* for rediss:// */
	const struct redis_script *scripts;
	size_t nscripts;
	dur_us_t timeout; /* per command, and to connect */
	size_t max_pending;
	/* Ready or not. May be NULL. */
	void (*state)(void *arg, bool ready);
	void *arg;
};

/* Checks a URL: redis://[user:password@]host[:port][/db], or rediss://…, which
 * is with TLS, and the files that are for the latter. FATAL: one cannot be
 * used, or there are such files and no TLS. */
struct err redis_check_url(const char *url);
struct err redis_check_tls(
    const char *url, const struct tls_client_options *tls);

/* May connections to `first` use `now` from now on: is it valid, and does it
 * lead to the same host, port and database? */
struct err redis_check_renewal(
    const char *setting, const char *first, const char *now);

/* `o->url` was checked; renewal_of is used. Starts to connect. Returns owned.
 */
struct redis *redis_new(const struct redis_options *o);
bool redis_ready(const struct redis *r);
enum breaker_state redis_breaker(const struct redis *r);
/* May it be asked: is it ready, and its breaker closed? */
bool redis_up(const struct redis *r);
/* Binary safe; borrows the arguments for the call. False: not ready, breaker
 * open, or too many pending; `done` is not called. */
bool redis_submit(struct redis *r, int argc, const char *const *argv,
    const size_t *lens, redis_done done, void *arg);
/* EVALSHA of scripts[script]; argv holds keys and arguments. If Redis has lost
 * the script, the answer is NULL and the script is loaded again; try again
 * later. */
bool redis_eval(struct redis *r, size_t script, int nkeys, int argc,
    const char *const *argv, const size_t *lens, redis_done done, void *arg);
/* Pending commands are answered (NULL) before it returns. */
void redis_free(struct redis **r);
