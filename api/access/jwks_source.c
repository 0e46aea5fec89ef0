/* The thread sleeps in libcurl, from where web_wake wakes it. Everything
 * that it shares is guarded by `mutex`, except `generation`, which is also read
 * without it.
 */
#include "api/access/jwks_source.h"

#include "api/access/jwks_url.h"
#include "api/access/unknown_keys.h"
#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/net/web.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { STATUS_OK = 200 };

struct jwks_source {
	enum web_place place;
	char *from;
	dur_us_t refresh, pause;
	struct web *fetch; /* NULL: a file */
	pthread_t thread;
	_Atomic uint64_t generation;
	pthread_mutex_t mutex;
	/* Guarded. */
	struct jwks *set;
	bool ending;
	bool fetching;
	bool asked;	   /* for a fetch before the next regular one */
	bool reload;	   /* for a fetch at once, by an operator */
	mono_us_t begun;   /* the last fetch */
	mono_us_t regular; /* the next fetch, if nobody asks */
	mono_us_t good;	   /* the last fetch that succeeded, or the start */
	mono_us_t current; /* when that one began; 0: none has succeeded */
	struct unknown_keys unknown;
	uint64_t fetched, failed;
	char error[256];
};

static void jwks_source_lock(const struct jwks_source *s)
{
	CHECK_OS(pthread_mutex_lock((pthread_mutex_t *)&s->mutex));
}

static void jwks_source_unlock(const struct jwks_source *s)
{
	CHECK_OS(pthread_mutex_unlock((pthread_mutex_t *)&s->mutex));
}

/* --- the current set ----------------------------------------------------- */

struct jwks *jwks_source_take(struct jwks_source *s)
{
	jwks_source_lock(s);
	struct jwks *set = s->set ? jwks_hold(s->set) : NULL;
	jwks_source_unlock(s);
	return set;
}

uint64_t jwks_source_generation(const struct jwks_source *s)
{
	return atomic_load_explicit(&s->generation, memory_order_acquire);
}

static void tell_passed_over(
    const struct jwks_source *s, const struct jwks *set)
{
	const char *reason;
	for (size_t i = 0; (reason = jwks_passed_over(set, i)); i++)
		log_event(EV_JWKS_PASSED_OVER, "from=%s reason=%s",
		    log_quote(s->from), log_quote(reason));
}

/* Takes the set. */
static void exchange(struct jwks_source *s, struct jwks *set)
{
	size_t keys = jwks_count(set);
	tell_passed_over(s, set);
	jwks_source_lock(s);
	struct jwks *before = s->set;
	s->set = set;
	uint64_t generation = s->generation + 1;
	atomic_store_explicit(&s->generation, generation, memory_order_release);
	jwks_source_unlock(s);
	jwks_release(&before);
	log_event(EV_JWKS_CHANGED, "from=%s keys=%zu generation=%llu",
	    log_quote(s->from), keys, (unsigned long long)generation);
}

/* Takes the set. Only the thread, or the main thread for a file, exchanges the
 * set. So it may look at it without the mutex. */
static void take_set(struct jwks_source *s, struct jwks *set, bool *changed)
{
	*changed = s->set == NULL || !jwks_same(s->set, set);
	if (*changed)
		exchange(s, set);
	else
		jwks_release(&set);
}

static struct err take_file(struct jwks_source *s, bool *changed)
{
	struct jwks *set;
	struct err e = jwks_load(s->from, &set);
	if (e.kind == ERR_KIND_OK)
		take_set(s, set, changed);
	return e;
}

static struct err take_answer(
    struct jwks_source *s, const struct web_answer *answer)
{
	struct jwks *set;
	bool changed;
	const struct buf *text = &answer->body;
	if (answer->status != STATUS_OK)
		return err_make(ERR_KIND_RETRY, "jwks",
		    "the answer has the status %d", answer->status);
	struct err e =
	    jwks_parse(text->data ? text->data : "", text->len, false, &set);
	if (e.kind == ERR_KIND_OK)
		take_set(s, set, &changed);
	return e;
}

/* --- fetching ------------------------------------------------------------ */

static bool is_ending(void *arg)
{
	struct jwks_source *s = arg;
	jwks_source_lock(s);
	bool ending = s->ending;
	jwks_source_unlock(s);
	return ending;
}

static void jwks_source_begin(struct jwks_source *s)
{
	jwks_source_lock(s);
	s->fetching = true;
	s->asked = s->reload = false;
	s->begun = clock_mono();
	jwks_source_unlock(s);
}

static void jwks_source_end(struct jwks_source *s, const struct err *e)
{
	bool ok = e->kind == ERR_KIND_OK;
	mono_us_t now = clock_mono();
	jwks_source_lock(s);
	bool had = s->set;
	s->fetching = false;
	s->regular = now + (ok ? s->refresh : s->pause);
	s->good = ok ? now : s->good;
	s->current = ok ? s->begun : s->current;
	s->fetched += ok;
	s->failed += !ok;
	strcpy(s->error, e->msg);
	jwks_source_unlock(s);
	if (!ok)
		log_event(EV_JWKS_FAILED, "from=%s keys=%s error=%s",
		    log_quote(s->from), had ? "kept" : "none",
		    log_quote(e->msg));
}

static void fetch_once(struct jwks_source *s)
{
	struct web_answer answer = {0};
	jwks_source_begin(s);
	struct err e = web_ask(s->fetch, NULL, &answer, is_ending, s);
	if (e.kind == ERR_KIND_OK)
		e = take_answer(s, &answer);
	buf_free(&answer.body);
	if (!is_ending(s))
		jwks_source_end(s, &e);
}

/* How long until the next fetch; 0: now. */
static dur_us_t jwks_source_due(struct jwks_source *s)
{
	jwks_source_lock(s);
	mono_us_t at = s->regular, asked = s->begun + s->pause;
	if (s->asked && asked < at)
		at = asked;
	if (s->reload)
		at = 0;
	jwks_source_unlock(s);
	dur_us_t left = at - clock_mono();
	return left > 0 ? left : 0;
}

static void *jwks_source_run(void *arg)
{
	struct jwks_source *s = arg;
	while (!is_ending(s)) {
		dur_us_t left = jwks_source_due(s);
		if (left)
			web_sleep(s->fetch, left);
		else
			fetch_once(s);
	}
	return NULL;
}

bool jwks_source_unknown(
    struct jwks_source *s, uint64_t generation, uint64_t name)
{
	if (s->fetch == NULL)
		return jwks_source_generation(s) != generation;
	jwks_source_lock(s);
	mono_us_t now = clock_mono();
	bool may = unknown_keys_may_come(&s->unknown, name, now, s->current);
	bool soon = may || s->fetching || s->generation != generation ||
		    now >= s->begun + s->pause;
	bool wake = !s->asked && !s->fetching;
	s->asked = s->asked || wake;
	jwks_source_unlock(s);
	if (wake)
		web_wake(s->fetch);
	return soon;
}

/* --- start, reload, end -------------------------------------------------- */

static struct err jwks_source_start(
    struct jwks_source *s, const struct jwks_source_options *o)
{
	bool changed;
	if (s->place == WEB_NOWHERE)
		return take_file(s, &changed);
	s->fetch = web_new(&(struct web_options){
	    .name = "jwks",
	    .url = o->from,
	    .place = s->place,
	    .ca = o->ca,
	    .headers = {"Accept: application/jwk-set+json, application/json"},
	    .timeout = o->timeout,
	    .most = JWKS_BYTES_MOST,
	    .follows = true,
	});
	CHECK_OS(pthread_create(&s->thread, NULL, jwks_source_run, s));
	return ERR_OK;
}

struct err jwks_source_new(
    const struct jwks_source_options *o, struct jwks_source **out)
{
	enum web_place place;
	*out = NULL;
	struct err e = jwks_url_check(o->from, &place);
	if (e.kind != ERR_KIND_OK)
		return e;
	struct jwks_source *s = MEM_NEW(struct jwks_source);
	s->place = place;
	s->from = mem_strdup(o->from);
	s->refresh = o->refresh;
	s->pause = o->pause;
	s->regular = s->good = clock_mono();
	s->begun = s->regular - o->pause;
	CHECK_OS(pthread_mutex_init(&s->mutex, NULL));
	e = jwks_source_start(s, o);
	if (e.kind == ERR_KIND_OK)
		*out = s;
	else
		jwks_source_free(&s);
	return e;
}

struct err jwks_source_reload(struct jwks_source *s, bool *changed)
{
	if (s->fetch == NULL)
		return take_file(s, changed);
	jwks_source_lock(s);
	s->reload = true;
	jwks_source_unlock(s);
	web_wake(s->fetch);
	return ERR_OK;
}

void jwks_source_free(struct jwks_source **sp)
{
	struct jwks_source *s = *sp;
	*sp = NULL;
	if (s == NULL)
		return;
	if (s->fetch) {
		jwks_source_lock(s);
		s->ending = true;
		jwks_source_unlock(s);
		web_wake(s->fetch);
		CHECK_OS(pthread_join(s->thread, NULL));
	}
	web_free(&s->fetch);
	jwks_release(&s->set);
	CHECK_OS(pthread_mutex_destroy(&s->mutex));
	free(s->from);
	free(s);
}

struct jwks_source_state jwks_source_state(struct jwks_source *s)
{
	struct jwks_source_state state;
	jwks_source_lock(s);
	state = (struct jwks_source_state){
	    .fetched = s->fetched,
	    .failed = s->failed,
	    .keys = s->set ? jwks_count(s->set) : 0,
	    .age = s->fetch ? clock_mono() - s->good : 0,
	};
	strcpy(state.error, s->error);
	jwks_source_unlock(s);
	return state;
}
