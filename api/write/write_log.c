/* The reports of one poll of the producer travel together: each loop that
 * appended gets one message, however many of its records are reported.
 */
#include "api/write/write_log.h"

#include "common/base/mem.h"

#include <stdlib.h>

/* The reports for a loop since the producer's last poll, in their order. */
struct letter {
	struct loop *loop;
	struct append *first, *last;
};

struct write_log {
	struct producer *producer;
	char *topic;
	/* On the producer's thread. There are as many as request threads. */
	struct letter *letters;
	size_t n, cap;
};

/* Made by the thread that appends, filled by the producer's thread, freed by
 * the thread that appends. */
struct append {
	struct append *next; /* in its letter */
	struct loop *loop;
	append_done done; /* appending thread's; NULL: abandoned */
	void *arg;
	struct delivery delivery;
};

static void write_log_deliver(void *arg)
{
	struct append *next;
	for (struct append *a = arg; a; a = next) {
		next = a->next;
		if (a->done)
			a->done(a->arg, &a->delivery);
		free(a);
	}
}

static struct letter *letter_to(struct write_log *w, struct loop *loop)
{
	for (size_t i = 0; i < w->n; i++) {
		if (w->letters[i].loop == loop)
			return &w->letters[i];
	}
	MEM_GROW(w->letters, w->cap, w->n);
	w->letters[w->n] = (struct letter){.loop = loop};
	return &w->letters[w->n++];
}

static void write_log_on_delivered(void *arg, const struct delivery *d)
{
	struct append *a = d->opaque;
	struct letter *l = letter_to(arg, a->loop);
	a->delivery = *d;
	*(l->last ? &l->last->next : &l->first) = a;
	l->last = a;
}

static void write_log_on_polled(void *arg)
{
	struct write_log *w = arg;
	for (size_t i = 0; i < w->n; i++) {
		struct letter *l = &w->letters[i];
		if (l->first)
			loop_post(l->loop, write_log_deliver, l->first);
		l->first = l->last = NULL;
	}
}

struct err write_log_new(
    const struct write_log_options *o, struct write_log **out)
{
	struct write_log *w = MEM_NEW(struct write_log);
	w->topic = mem_strdup(o->topic);
	/* One request at a time: the writes of many clients gather while it is
	 * under way, so a busy API sends fewer and larger ones (figures:
	 * writer/batch/scheduler.c). An idle one waits for nothing. */
	const struct producer_options p = {
	    .in_flight = "1",
	    .loop = o->loop,
	    .kafka = o->kafka,
	    .delivered = write_log_on_delivered,
	    .polled = write_log_on_polled,
	    .arg = w,
	    .numbered = o->partitions,
	    .number = record_number,
	};
	struct err e = producer_new(&p, &w->producer);
	*out = w;
	if (e.kind == ERR_KIND_OK)
		producer_expect(w->producer, w->topic);
	else
		write_log_free(out, 0);
	return e;
}

struct err write_log_append(
    struct write_log *w, const struct append_request *r, struct append **out)
{
	struct append *a = MEM_NEW(struct append);
	*a = (struct append){.loop = r->loop, .done = r->done, .arg = r->arg};
	struct record_write record = r->write;
	record.accepted_at = clock_wall();
	bool erase = !record_has_body(record.op);
	const struct produce p = {
	    .topic = w->topic,
	    .partition = r->partition,
	    .key = record.id,
	    .key_len = record.id_len,
	    .value = erase ? NULL : record.body,
	    .value_len = erase ? 0 : record.body_len,
	    .headers = record_write_headers(&record),
	    .opaque = a,
	};
	struct err e = producer_send(w->producer, &p);
	*out = a;
	if (e.kind != ERR_KIND_OK) {
		free(a);
		*out = NULL;
	}
	return e;
}

void write_log_abandon(struct append *a)
{
	a->done = NULL;
}

bool write_log_up(const struct write_log *w)
{
	return producer_reachable(w->producer);
}

void write_log_free(struct write_log **wp, dur_us_t timeout)
{
	struct write_log *w = *wp;
	if (w == NULL)
		return;
	producer_free(&w->producer, timeout);
	free(w->letters);
	free(w->topic);
	free(w);
	*wp = NULL;
}
