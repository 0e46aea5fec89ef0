/* If another resume is asked for while one runs, it starts again. Answers carry
 * the number of their resume; answers to an older one are ignored.
 *
 * Its questions use the connection of the scripts, so that they are answered
 * after the scripts.
 */
#include "projector/apply/resume.h"

#include "common/base/backoff.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/cache/l2.h"

#include <stdlib.h>

struct resume {
	struct partition_context *x;
	struct partition *const *parts;
	size_t n;
	unsigned number; /* of the present one */
	size_t unanswered;
	bool running;
	struct loop_timer *timer; /* asks */
	struct backoff backoff;
	void (*done)(void *arg);
	void *arg;
};

enum { LOOKED = 4 }; /* what L2_LOOK replies */

/* For one partition. */
struct question {
	struct resume *r;
	unsigned number;
	size_t part;
};

static void ask_later(struct resume *r)
{
	uint64_t bits = random_bits();
	r->number++; /* answers that are still due do not count */
	loop_timer_start(r->timer, backoff_next(&r->backoff, bits));
}

/* Of the script; not an error. */
static bool is_answer(const redisReply *reply)
{
	return reply && reply->type == REDIS_REPLY_ARRAY &&
	       reply->elements == LOOKED;
}

/* Another client wrote there. Nothing of the partition counts any more, so it
 * is started at a mark, with a new generation. */
static void tell_discarded(
    struct resume *r, int32_t partition, const redisReply *reply)
{
	const redisReply *discarded = reply->element[LOOKED - 1];
	if (discarded->type != REDIS_REPLY_INTEGER || discarded->integer == 0)
		return;
	metric_add(&r->x->stats.discarded, 1);
	log_event(EV_REDIS_DISCARDED, "partition=%d", partition);
}

static void resume_finish(struct resume *r)
{
	r->running = false;
	backoff_reset(&r->backoff);
	r->done(r->arg);
}

static void resume_on_answer(void *arg, const redisReply *reply)
{
	struct question q = *(struct question *)arg;
	struct resume *r = q.r;
	free(arg);
	if (!r->running || q.number != r->number)
		return;
	if (!is_answer(reply)) {
		ask_later(r);
		return;
	}
	struct partition *l = r->parts[q.part];
	tell_discarded(r, partition_partition(l), reply);
	partition_resume(l, reply->element[0], reply->element[1]);
	warm_resume(r->x->warm, partition_partition(l), reply->element[0],
	    reply->element[2]);
	if (--r->unanswered == 0)
		resume_finish(r);
}

static bool resume_look(
    struct resume *r, int32_t partition, redis_done done, void *arg)
{
	struct buf keys[4] = {0};
	const char *argv[4];
	size_t lens[4];
	l2_watermark_key(&keys[0], partition);
	l2_floors_key(&keys[1], partition);
	l2_cursor_key(&keys[2], partition);
	l2_warmed_key(&keys[3], partition);
	for (size_t i = 0; i < 4; i++) {
		argv[i] = keys[i].data;
		lens[i] = keys[i].len;
	}
	bool sent =
	    redis_eval(r->x->redis, L2_LOOK, 4, 4, argv, lens, done, arg);
	for (size_t i = 0; i < 4; i++)
		buf_free(&keys[i]);
	return sent;
}

static bool resume_ask(struct resume *r, size_t part)
{
	struct question *q = MEM_NEW(struct question);
	*q = (struct question){r, r->number, part};
	bool sent = resume_look(
	    r, partition_partition(r->parts[part]), resume_on_answer, q);
	if (!sent)
		free(q);
	return sent;
}

static void hold_all(struct resume *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->parts[i])
			partition_hold(r->parts[i]);
	}
}

/* An earlier try may have set some, and Redis may be another one now. */
static void hold_moving(struct resume *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->parts[i] && partition_moving(r->parts[i]))
			partition_hold(r->parts[i]);
	}
}

static bool is_held(const struct partition *l)
{
	return l && partition_state(l) == PARTITION_HELD;
}

static void resume_on_timer(void *arg)
{
	struct resume *r = arg;
	hold_moving(r);
	r->number++;
	r->unanswered = 0;
	for (size_t i = 0; i < r->n; i++) {
		if (!is_held(r->parts[i]))
			continue;
		if (!resume_ask(r, i)) {
			ask_later(r);
			return;
		}
		r->unanswered++;
	}
	if (r->unanswered)
		metric_add(&r->x->stats.resumes, 1);
	else
		resume_finish(r);
}

/* --- checking ------------------------------------------------------------ */

/* What a waiting partition believed when Redis was asked. */
struct resume_check_reply {
	struct resume *r;
	unsigned number;
	size_t part;
	version_t watermark;
};

static bool settled(const struct partition *l)
{
	return l && partition_state(l) == PARTITION_FOLLOWING &&
	       partition_initialised(l);
}

static void resume_on_checked(void *arg, const redisReply *reply)
{
	struct resume_check_reply c = *(struct resume_check_reply *)arg;
	struct resume *r = c.r;
	free(arg);
	if (!is_answer(reply) || !r->parts[c.part])
		return;
	const struct partition *l = r->parts[c.part];
	tell_discarded(r, partition_partition(l), reply);
	if (r->running || c.number != r->number || !settled(l) ||
	    partition_watermark(l) != c.watermark)
		return;
	struct l2_watermark at;
	const redisReply *w = reply->element[0];
	bool known = w->type == REDIS_REPLY_STRING &&
		     l2_watermark_parse(w->str, w->len, &at);
	if (known && at.watermark == c.watermark)
		return;
	log_event(EV_REDIS_ELSEWHERE, "partition=%d", partition_partition(l));
	hold_all(r);
	resume_begin(r);
}

static void resume_check_reply(struct resume *r, size_t part)
{
	struct resume_check_reply *c = MEM_NEW(struct resume_check_reply);
	*c = (struct resume_check_reply){
	    r, r->number, part, partition_watermark(r->parts[part])};
	if (!resume_look(
		r, partition_partition(r->parts[part]), resume_on_checked, c))
		free(c);
}

void resume_check(struct resume *r)
{
	for (size_t i = 0; i < r->n && !r->running; i++) {
		if (settled(r->parts[i]))
			resume_check_reply(r, i);
	}
}

/* --- life ---------------------------------------------------------------- */

struct resume *resume_new(struct partition_context *x,
    struct partition *const *parts, size_t n, void (*done)(void *arg),
    void *arg)
{
	struct resume *r = MEM_NEW(struct resume);
	*r = (struct resume){
	    .x = x, .parts = parts, .n = n, .done = done, .arg = arg};
	r->timer = loop_timer_new(x->loop, resume_on_timer, r);
	backoff_init(&r->backoff, CLOCK_MS(50), CLOCK_S(2));
	return r;
}

void resume_begin(struct resume *r)
{
	if (r->running && loop_timer_armed(r->timer))
		return;
	r->number++;
	r->running = true;
	loop_timer_start(r->timer, 0);
}

void resume_hurry(struct resume *r)
{
	if (r->running)
		loop_timer_start(r->timer, 0);
}

void resume_stop(struct resume *r)
{
	r->running = false;
	loop_timer_stop(r->timer);
}

bool resume_is_running(const struct resume *r)
{
	return r->running;
}

void resume_free(struct resume **r)
{
	if (*r == NULL)
		return;
	loop_timer_free(&(*r)->timer);
	free(*r);
	*r = NULL;
}
