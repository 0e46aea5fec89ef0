#include "probe.h"

#include "client.h"
#include "stream.h"

#include "common/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROBES = 64, POLL_US = 500, POLL_SHARE = 16, VALUE_LEN = 20 };

struct probe {
	struct probes *all;
	struct client *writer, *reader; /* NULL: never used */
	bool active;			/* its write has not been seen */
	mono_us_t since, next;		/* of the write; of the next poll */
	char value[VALUE_LEN + 1];
};

struct probes {
	struct probe_options o;
	struct probe each[PROBES];
	uint64_t begun;
	size_t skipped;
	struct samples times;
};

struct probes *probes_new(const struct probe_options *o)
{
	struct probes *p = MEM_NEW(struct probes);
	p->o = *o;
	for (size_t i = 0; i < PROBES; i++)
		p->each[i].all = p;
	return p;
}

static int number_of(const struct probe *p)
{
	return (int)(p - p->all->each);
}

static void on_written(struct client *c, int status, const char *body)
{
	(void)c;
	if (status < 200 || status > 299)
		stream_die("a probe's write: %d %.300s", status, body);
}

static void on_seen(struct client *c, int status, const char *body)
{
	struct probe *p = c->arg;
	struct probes *all = p->all;
	mono_us_t now = clock_mono(), took = now - p->since;
	if (status != 200 && status != 404)
		stream_die("a probe's read: %d %.300s", status, body);
	if (strstr(body, p->value)) {
		p->active = false;
		if (p->since >= all->o.from && p->since < all->o.end)
			samples_add(&all->times, took);
		return;
	}
	dur_us_t pause = took / POLL_SHARE;
	p->next = now + (pause > POLL_US ? pause : POLL_US);
}

static void probe_begin(struct probe *p, mono_us_t now)
{
	struct probe_options *o = &p->all->o;
	char text[512];
	if (p->writer == NULL) {
		p->writer = client_new(o->epoll, o->write_port, on_written, p);
		p->reader = client_new(o->epoll, o->read_port, on_seen, p);
	}
	snprintf(p->value, sizeof p->value, "probe-%014" PRIx64, (uint64_t)now);
	int len = snprintf(text, sizeof text,
	    "PUT /v1/records/probe-%d HTTP/1.1\r\nHost: localhost\r\n"
	    "Content-Type: application/json\r\n%s"
	    "Content-Length: %d\r\n\r\n{\"value\":\"%s\"}",
	    number_of(p), o->headers, VALUE_LEN + 12, p->value);
	p->active = true;
	p->since = now;
	p->next = now + POLL_US;
	client_send(p->writer, text, (size_t)len);
}

static void probe_poll(struct probe *p)
{
	char text[128];
	int len = snprintf(text, sizeof text,
	    "GET /v1/records/probe-%d HTTP/1.1\r\nHost: localhost\r\n\r\n",
	    number_of(p));
	client_send(p->reader, text, (size_t)len);
}

static bool is_free(const struct probe *p)
{
	return !p->active && (p->writer == NULL || !p->writer->busy);
}

static void begin_one(struct probes *p, mono_us_t now)
{
	p->begun++;
	for (size_t i = 0; i < PROBES; i++) {
		if (is_free(&p->each[i])) {
			probe_begin(&p->each[i], now);
			return;
		}
	}
	p->skipped++;
}

static mono_us_t next_begin(const struct probes *p)
{
	if (p->o.rate <= 0)
		return INT64_MAX;
	mono_us_t at =
	    p->o.begin + (mono_us_t)((double)p->begun * 1e6 / p->o.rate);
	return at < p->o.end ? at : INT64_MAX;
}

mono_us_t probes_run(struct probes *p, mono_us_t now)
{
	if (next_begin(p) <= now)
		begin_one(p, now);
	mono_us_t next = next_begin(p);
	for (size_t i = 0; i < PROBES; i++) {
		struct probe *each = &p->each[i];
		if (!each->active || each->reader->busy)
			continue;
		if (each->next <= now)
			probe_poll(each);
		else if (each->next < next)
			next = each->next;
	}
	return next;
}

bool probes_done(const struct probes *p)
{
	for (size_t i = 0; i < PROBES; i++) {
		if (!is_free(&p->each[i]))
			return false;
	}
	return true;
}

size_t probes_skipped(const struct probes *p)
{
	return p->skipped;
}

struct samples *probes_times(struct probes *p)
{
	return &p->times;
}

void probes_free(struct probes **pp)
{
	struct probes *p = *pp;
	if (p == NULL)
		return;
	for (size_t i = 0; i < PROBES; i++) {
		client_free(&p->each[i].writer);
		client_free(&p->each[i].reader);
	}
	samples_free(&p->times);
	free(p);
	*pp = NULL;
}
