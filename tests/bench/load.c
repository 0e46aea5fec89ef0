/* Writes over HTTP, from one thread: `PUT /v1/records/{key}` of about 200 bytes
 * to random keys, or atomic batches, over keep-alive connections.
 *
 *   load PORT PREFER CONNECTIONS RATE SECONDS KEYS PROBE_PORT PROBES DOCUMENTS
 *
 * PREFER       of each request, or an empty word
 * RATE         0: closed loop. Each connection sends the next request when the
 *              last one is answered; a latency counts from the sending.
 *              Otherwise an open loop: so many requests a second, evenly
 * spaced, whatever the server does, over as many connections as are needed,
 *              CONNECTIONS at most. A latency counts from the planned time, so
 *              that waiting for a connection belongs to it.
 * SECONDS      what is counted, after a first second that is not
 * PROBE_PORT   of another instance, for PROBES writes a second (probe.h); 0 and
 *              0: none
 * DOCUMENTS    of each request. More than one: `POST /v1/_batch`, which puts so
 *              many of a random group of the collection `grouped`
 *
 * Prints the line `begin` when counting begins, `end` when it ends, and then
 * one line of JSON. Requests that were planned are answered first; after
 * PATIENCE those that are not count with the time that they have waited.
 */
#include "client.h"
#include "content.h"
#include "probe.h"
#include "stream.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/base/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define WARM_UP CLOCK_S(1)
#define PATIENCE CLOCK_S(10)

enum { VALUE_LEN = 78, EVENTS = 512, STATUSES = 600, DOCUMENTS_MOST = 100 };

struct load {
	int port, epoll;
	char headers[64];
	double rate;
	size_t documents; /* of each request */
	struct content *content;
	uint64_t random; /* state */
	struct client **clients, **idle;
	size_t nclients, most, nidle;
	mono_us_t begin, from, end;
	uint64_t planned;  /* open loop: so many were sent */
	size_t waiting;	   /* requests without an answer */
	uint64_t answered; /* between from and end */
	uint64_t statuses[STATUSES];
	struct samples times;
	double cpu; /* seconds that this process had at `from` */
	bool began, ended;
};

static uint64_t next_random(struct load *l)
{
	uint64_t x = l->random += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static void write_put(
    const struct load *l, const struct content_row *row, struct buf *out)
{
	buf_printf(out,
	    "PUT /v1/records/%s HTTP/1.1\r\nHost: localhost\r\n"
	    "Content-Type: application/json\r\n%s"
	    "Content-Length: %d\r\n\r\n{\"value\":\"%.*s\"}",
	    row->key, l->headers, VALUE_LEN + 12, VALUE_LEN, row->value);
}

/* The group is the key of the row. */
static void write_batch(
    const struct load *l, const struct content_row *row, struct buf *out)
{
	struct buf body = {0};
	for (size_t i = 0; i < l->documents; i++)
		buf_printf(&body,
		    "%c{\"op\":\"put\",\"collection\":\"grouped\","
		    "\"key\":\"%s:%zu\",\"document\":{\"value\":\"%.*s\"}}",
		    i ? ',' : '[', row->key, i, VALUE_LEN, row->value);
	buf_char(&body, ']');
	buf_printf(out,
	    "POST /v1/_batch HTTP/1.1\r\nHost: localhost\r\n"
	    "Content-Type: application/json\r\n%s"
	    "Content-Length: %zu\r\n\r\n%s",
	    l->headers, body.len, body.data);
	buf_free(&body);
}

static void send_write(struct load *l, struct client *c, mono_us_t since)
{
	struct content_row row;
	struct buf text = {0};
	content_row(l->content, next_random(l) >> 16, &row);
	(l->documents > 1 ? write_batch : write_put)(l, &row, &text);
	c->since = since;
	l->waiting++;
	client_send(c, text.data, text.len);
	buf_free(&text);
}

static bool is_open(const struct load *l)
{
	return l->rate > 0;
}

/* A closed loop counts by the answer's time; an open one by the planned time,
 * or a slow answer would be left out. */
static void count(
    struct load *l, const struct client *c, int status, mono_us_t now)
{
	if (now >= l->from && now < l->end)
		l->answered++;
	mono_us_t at = is_open(l) ? c->since : now;
	if (at < l->from || at >= l->end)
		return;
	samples_add(&l->times, now - c->since);
	l->statuses[status]++;
}

static void on_put(struct client *c, int status, const char *body)
{
	struct load *l = c->arg;
	mono_us_t now = clock_mono();
	if (status < 200 || status > 299)
		stream_die("%d %.300s", status, body);
	l->waiting--;
	count(l, c, status, now);
	if (!is_open(l) && now < l->end)
		send_write(l, c, now);
	else
		l->idle[l->nidle++] = c;
}

static struct client *take_client(struct load *l)
{
	if (l->nidle)
		return l->idle[--l->nidle];
	if (l->nclients == l->most)
		return NULL;
	return l->clients[l->nclients++] =
		   client_new(l->epoll, l->port, on_put, l);
}

static mono_us_t planned_time(const struct load *l)
{
	return l->begin + (mono_us_t)((double)l->planned * 1e6 / l->rate);
}

/* Sends what is due, as far as there are connections; returns when more is. */
static mono_us_t send_due(struct load *l, mono_us_t now)
{
	if (!is_open(l))
		return INT64_MAX;
	for (;;) {
		mono_us_t at = planned_time(l);
		if (at >= l->end)
			return INT64_MAX;
		if (at > now)
			return at;
		struct client *c = take_client(l);
		if (c == NULL)
			return INT64_MAX; /* an answer will call again */
		send_write(l, c, at);
		l->planned++;
	}
}

static double own_cpu(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Tells the caller that counting begins or ends; returns the next such time. */
static mono_us_t tell(struct load *l, mono_us_t now)
{
	if (!l->began && now >= l->from) {
		l->began = true;
		l->cpu = own_cpu();
		puts("begin");
		fflush(stdout);
	}
	if (!l->ended && now >= l->end) {
		l->ended = true;
		l->cpu = own_cpu() - l->cpu;
		puts("end");
		fflush(stdout);
	}
	return !l->began ? l->from : l->ended ? INT64_MAX : l->end;
}

static void wait_and_read(struct load *l, mono_us_t until)
{
	struct epoll_event events[EVENTS];
	dur_us_t us = until - clock_mono();
	us = us < 0 ? 0 : us > CLOCK_MS(100) ? CLOCK_MS(100) : us;
	struct timespec t = {.tv_sec = 0, .tv_nsec = (long)us * 1000};
	int n = epoll_pwait2(l->epoll, events, EVENTS, &t, NULL);
	for (int i = 0; i < n; i++)
		client_read(events[i].data.ptr);
}

static mono_us_t earlier(mono_us_t a, mono_us_t b)
{
	return a < b ? a : b;
}

static void run(struct load *l, struct probes *probes)
{
	for (size_t i = 0; !is_open(l) && i < l->most; i++)
		send_write(l, take_client(l), clock_mono());
	for (;;) {
		mono_us_t now = clock_mono();
		mono_us_t next = tell(l, now);
		next = earlier(next, send_due(l, now));
		next = earlier(next, probes_run(probes, now));
		bool done = now >= l->end && l->waiting == 0 &&
			    (!is_open(l) || planned_time(l) >= l->end) &&
			    probes_done(probes);
		if (done || now >= l->end + PATIENCE)
			return;
		wait_and_read(l, next);
	}
}

/* Returns how many were not answered. */
static size_t count_unanswered(struct load *l)
{
	mono_us_t now = clock_mono();
	size_t n = 0;
	for (size_t i = 0; i < l->nclients; i++) {
		if (!l->clients[i]->busy)
			continue;
		samples_add(&l->times, now - l->clients[i]->since);
		n++;
	}
	for (; is_open(l) && planned_time(l) < l->end; l->planned++, n++)
		samples_add(&l->times, now - planned_time(l));
	return n;
}

static void print_statuses(const struct load *l)
{
	const char *comma = "";
	printf("\"statuses\":{");
	for (int i = 0; i < STATUSES; i++) {
		if (l->statuses[i] == 0)
			continue;
		printf("%s\"%d\":%" PRIu64, comma, i, l->statuses[i]);
		comma = ",";
	}
	printf("}");
}

static void print(struct load *l, struct probes *probes)
{
	double seconds = (double)(l->end - l->from) / 1e6;
	size_t unanswered = count_unanswered(l);
	printf("{\"answered\":%" PRIu64 ",\"seconds\":%.3f,\"rate\":%.1f,"
	       "\"planned_rate\":%.1f,\"connections\":%zu,\"unanswered\":%zu,"
	       "\"own_cpu\":%.3f,",
	    l->answered, seconds, (double)l->answered / seconds, l->rate,
	    l->nclients, unanswered, l->cpu / seconds);
	print_statuses(l);
	printf(",");
	samples_print(&l->times, "ack");
	printf(",");
	samples_print(probes_times(probes), "visible");
	printf(",\"probes_skipped\":%zu,\"probes_seen\":%s}\n",
	    probes_skipped(probes), probes_done(probes) ? "true" : "false");
}

static void load_open(struct load *l, char **argv)
{
	l->port = atoi(argv[1]);
	if (argv[2][0])
		snprintf(l->headers, sizeof l->headers, "Prefer: %.40s\r\n",
		    argv[2]);
	l->most = strtoul(argv[3], NULL, 10);
	l->rate = atof(argv[4]);
	l->content = content_new(CONTENT_INSERT, strtoull(argv[6], NULL, 10));
	l->documents = strtoul(argv[9], NULL, 10);
	l->random = random_bits();
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	CHECK(l->epoll >= 0 && l->most > 0);
	CHECK(l->documents > 0 && l->documents <= DOCUMENTS_MOST);
	l->clients = mem_zalloc(l->most * sizeof *l->clients);
	l->idle = mem_zalloc(l->most * sizeof *l->idle);
	l->begin = clock_mono();
	l->from = l->begin + WARM_UP;
	l->end = l->from + (mono_us_t)(atof(argv[5]) * 1e6);
}

static void load_close(struct load *l)
{
	for (size_t i = 0; i < l->nclients; i++)
		client_free(&l->clients[i]);
	free(l->clients);
	free(l->idle);
	samples_free(&l->times);
	content_free(&l->content);
}

int main(int argc, char **argv)
{
	struct load l = {0};
	if (argc != 10)
		stream_die("usage: see load.c");
	prctl(PR_SET_TIMERSLACK, 1000); /* ns */
	load_open(&l, argv);
	struct probes *probes = probes_new(&(struct probe_options){
	    .epoll = l.epoll,
	    .write_port = l.port,
	    .read_port = atoi(argv[7]),
	    .headers = l.headers,
	    .rate = atof(argv[8]),
	    .begin = l.begin,
	    .from = l.from,
	    .end = l.end,
	});
	run(&l, probes);
	print(&l, probes);
	probes_free(&probes);
	load_close(&l);
}
