#include "stream.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/log/keyspace.h"
#include "common/log/record.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void stream_die(const char *form, ...)
{
	va_list args;
	va_start(args, form);
	fputs("error: ", stderr);
	vfprintf(stderr, form, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static stream_delivered delivered_to; /* of the one producer; may be NULL */

static void on_delivery(
    rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	(void)rk;
	(void)opaque;
	if (m->err)
		stream_die("not delivered: %s", rd_kafka_err2str(m->err));
	if (delivered_to)
		delivered_to(m->_private);
}

rd_kafka_t *stream_producer(
    const char *servers, const char *linger_ms, stream_delivered delivered)
{
	const char *const pairs[] = {"bootstrap.servers", servers,
	    "enable.idempotence", "true", "linger.ms", linger_ms,
	    "queue.buffering.max.messages", "100000", NULL};
	char text[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	for (size_t i = 0; pairs[i]; i += 2) {
		if (rd_kafka_conf_set(conf, pairs[i], pairs[i + 1], text,
			sizeof text) != RD_KAFKA_CONF_OK)
			stream_die("%s", text);
	}
	delivered_to = delivered;
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rd_kafka_t *rk =
	    rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
	if (rk == NULL)
		stream_die("%s", text);
	return rk;
}

void stream_finish(rd_kafka_t *rk)
{
	if (rd_kafka_flush(rk, 60000) != RD_KAFKA_RESP_ERR_NO_ERROR)
		stream_die("Kafka did not take all within a minute");
	rd_kafka_destroy(rk);
}

void stream_topic(rd_kafka_t *rk, const char *topic, int partitions)
{
	char text[256];
	rd_kafka_NewTopic_t *t =
	    rd_kafka_NewTopic_new(topic, partitions, 1, text, sizeof text);
	if (t == NULL)
		stream_die("%s", text);
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	rd_kafka_CreateTopics(rk, &t, 1, NULL, q);
	rd_kafka_event_t *event = rd_kafka_queue_poll(q, 30000);
	if (event == NULL || rd_kafka_event_error(event))
		stream_die("the topic %s was not created", topic);
	rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(q);
	rd_kafka_NewTopic_destroy(t);
}

int32_t stream_partitions(rd_kafka_t *rk, const char *topic)
{
	const struct rd_kafka_metadata *all;
	rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic, NULL);
	rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, handle, &all, 10000);
	if (err || all->topic_cnt != 1 || all->topics[0].partition_cnt < 1)
		stream_die("there is no topic %s", topic);
	int32_t n = all->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(all);
	rd_kafka_topic_destroy(handle);
	return n;
}

void stream_send(rd_kafka_t *rk, const char *topic, int32_t partition,
    const char *key, size_t key_len, const char *value, size_t value_len,
    rd_kafka_headers_t *headers)
{
	rd_kafka_vu_t vus[] = {
	    {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
	    {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
	    {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
	    {.vtype = RD_KAFKA_VTYPE_KEY,
		.u.mem = {(void *)(uintptr_t)key, key_len}},
	    {.vtype = RD_KAFKA_VTYPE_VALUE,
		.u.mem = {(void *)(uintptr_t)value, value_len}},
	    {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
	};
	size_t n = sizeof vus / sizeof vus[0] - (headers ? 0 : 1);
	for (;;) {
		rd_kafka_error_t *e = rd_kafka_produceva(rk, vus, n);
		if (e == NULL)
			break;
		if (rd_kafka_error_code(e) != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			stream_die("%s", rd_kafka_error_string(e));
		rd_kafka_error_destroy(e);
		rd_kafka_poll(rk, 10);
	}
	rd_kafka_poll(rk, 0);
}

struct stream_writes stream_writes_new(rd_kafka_t *rk, const char *topic)
{
	struct stream_writes w = {.rk = rk, .topic = topic};
	w.partitions = stream_partitions(rk, topic);
	w.seq = mem_zalloc((size_t)w.partitions * sizeof *w.seq);
	snprintf(w.instance, sizeof w.instance, "%016" PRIx64,
	    (uint64_t)random_bits());
	return w;
}

void stream_put(
    struct stream_writes *w, const struct content_row *row, wall_us_t at)
{
	char id[64], body[CONTENT_VALUE_LEN + 32];
	int id_len = snprintf(id, sizeof id, "records/%s", row->key);
	int len = snprintf(body, sizeof body, "{\"value\":\"%s\"}", row->value);
	CHECK(id_len > 0 && len > 0 && (size_t)len < sizeof body);
	struct key_slot slot = keyspace_slot(id, (size_t)id_len, w->partitions);
	struct record_write r = {.op = RECORD_PUT, .accepted_at = at};
	rd_kafka_headers_t *headers = record_write_headers(&r);
	record_number(headers, w->instance, ++w->seq[slot.partition]);
	stream_send(w->rk, w->topic, slot.partition, id, (size_t)id_len, body,
	    (size_t)len, headers);
}

void stream_writes_free(struct stream_writes *w)
{
	free(w->seq);
	*w = (struct stream_writes){0};
}
