/* Writes that arrive at a rate, and how long each takes from its acceptance to
 * its commit as a reader of sluice.commits sees it.
 *
 *   live SERVERS WRITES COMMITS ROWS RATE SECONDS WINDOW
 *
 * Writes are updates of ROWS rows (content.h). RATE 0: as many as the window
 * allows; WINDOW: so many are sent and not committed, at most. The first
 * second is not counted in the latencies. Prints one line of JSON.
 */
#include "stream.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/log/record.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { WARM_UP = 1000000, PATIENCE = 30000000 };

struct watcher {
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;
	int32_t partitions;
	wall_us_t since; /* latencies of what was accepted from then on */
	atomic_ullong decided;
	atomic_bool stop;
	int32_t *us;
	size_t n, cap;
};

static void watch_message(struct watcher *w, const rd_kafka_message_t *m)
{
	struct record_mark mark;
	struct record_commit c;
	if (m->err)
		stream_die("%s", rd_kafka_message_errstr(m));
	if (record_is_mark(m) && record_mark_parse(m, &mark)) {
		if (mark.nverdicts)
			stream_die("a write was rejected");
		atomic_fetch_add(&w->decided, mark.through - mark.from);
		record_mark_free(&mark);
	} else if (record_commit_parse(m, w->partitions, &c) &&
		   c.accepted_at >= w->since) {
		MEM_GROW(w->us, w->cap, w->n);
		w->us[w->n++] = (int32_t)(clock_wall() - c.accepted_at);
	}
}

static void *watch(void *arg)
{
	struct watcher *w = arg;
	rd_kafka_message_t *batch[1000];
	while (!atomic_load(&w->stop)) {
		ssize_t n = rd_kafka_consume_batch_queue(
		    w->queue, 20, batch, sizeof batch / sizeof *batch);
		for (ssize_t i = 0; i < n; i++) {
			watch_message(w, batch[i]);
			rd_kafka_message_destroy(batch[i]);
		}
	}
	return NULL;
}

/* From the end that each partition has now. */
static void begin_watching(
    struct watcher *w, const char *servers, const char *topic)
{
	const char *const pairs[] = {"bootstrap.servers", servers, "group.id",
	    "bench", "enable.auto.commit", "false", "fetch.wait.max.ms", "5",
	    NULL};
	char text[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	for (size_t i = 0; pairs[i]; i += 2) {
		if (rd_kafka_conf_set(conf, pairs[i], pairs[i + 1], text,
			sizeof text) != RD_KAFKA_CONF_OK)
			stream_die("%s", text);
	}
	w->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
	if (w->rk == NULL)
		stream_die("%s", text);
	int32_t n = w->partitions = stream_partitions(w->rk, topic);
	rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_new(n);
	for (int32_t i = 0; i < n; i++) {
		int64_t low, high;
		if (rd_kafka_query_watermark_offsets(
			w->rk, topic, i, &low, &high, 10000))
			stream_die("the end of %s is not known", topic);
		rd_kafka_topic_partition_list_add(list, topic, i)->offset =
		    high;
	}
	rd_kafka_poll_set_consumer(w->rk);
	CHECK(rd_kafka_assign(w->rk, list) == RD_KAFKA_RESP_ERR_NO_ERROR);
	rd_kafka_topic_partition_list_destroy(list);
	w->queue = rd_kafka_queue_get_consumer(w->rk);
}

static void sleep_us(long us)
{
	nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

static int by_size(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
	return x < y ? -1 : x > y;
}

struct load {
	struct content *content;
	double rate;
	dur_us_t length;
	uint64_t window;
};

/* Returns how many were sent. */
static uint64_t produce(
    struct stream_writes *out, struct watcher *w, const struct load *l)
{
	mono_us_t begin = clock_mono(), now;
	uint64_t sent = 0;
	struct content_row row;
	while ((now = clock_mono()) - begin < l->length) {
		uint64_t due = atomic_load(&w->decided) + l->window;
		double paced = l->rate * (double)(now - begin) / 1e6;
		if (l->rate > 0 && paced < (double)due)
			due = (uint64_t)paced;
		if (sent >= due) {
			sleep_us(500);
			rd_kafka_poll(out->rk, 0);
		}
		for (; sent < due; sent++) {
			content_row(l->content, sent, &row);
			stream_put(out, &row, clock_wall());
		}
	}
	return sent;
}

static double at_share(const struct watcher *w, double share)
{
	return w->n ? w->us[(size_t)(share * (double)(w->n - 1))] / 1000.0 : 0;
}

int main(int argc, char **argv)
{
	if (argc != 8)
		stream_die("usage: see live.c");
	uint64_t rows = strtoull(argv[4], NULL, 10);
	struct load l = {
	    .content = content_new(CONTENT_UPDATE, rows),
	    .rate = atof(argv[5]),
	    .length = (dur_us_t)(atof(argv[6]) * 1e6),
	    .window = strtoull(argv[7], NULL, 10),
	};
	struct watcher w = {.since = clock_wall() + WARM_UP};
	begin_watching(&w, argv[1], argv[3]);
	pthread_t thread;
	CHECK_OS(pthread_create(&thread, NULL, watch, &w));
	rd_kafka_t *rk = stream_producer(argv[1], "1", NULL);
	struct stream_writes out = stream_writes_new(rk, argv[2]);
	mono_us_t begin = clock_mono();
	uint64_t sent = produce(&out, &w, &l);
	uint64_t left = sent - atomic_load(&w.decided);
	while (atomic_load(&w.decided) < sent &&
	       clock_mono() - begin < l.length + PATIENCE) {
		rd_kafka_poll(rk, 0);
		sleep_us(500);
	}
	double seconds = (double)(clock_mono() - begin) / 1e6;
	atomic_store(&w.stop, true);
	CHECK_OS(pthread_join(thread, NULL));
	if (atomic_load(&w.decided) < sent)
		stream_die("%llu of %" PRIu64 " writes were committed",
		    atomic_load(&w.decided), sent);
	if (w.n)
		qsort(w.us, w.n, sizeof *w.us, by_size);
	printf("{\"sent\":%" PRIu64 ",\"seconds\":%.3f,\"rate\":%.0f,"
	       "\"left\":%" PRIu64 ",\"samples\":%zu,\"p50_ms\":%.2f,"
	       "\"p99_ms\":%.2f,\"max_ms\":%.2f}\n",
	    sent, seconds, (double)sent / seconds, left, w.n, at_share(&w, 0.5),
	    at_share(&w, 0.99), at_share(&w, 1));
	stream_finish(rk);
	stream_writes_free(&out);
	rd_kafka_queue_destroy(w.queue);
	rd_kafka_consumer_close(w.rk);
	rd_kafka_destroy(w.rk);
	free(w.us);
	content_free(&l.content);
}
