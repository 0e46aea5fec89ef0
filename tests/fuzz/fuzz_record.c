/* A record of one of the logs, as text: the key on the first line, then its
 * headers, `name: value`, an empty line, and the value. What is taken for a
 * record and written again is the same record. */
#include "tests/fuzz/fuzz.h"

#include "api/write/id_log.h"
#include "common/log/follower.h"
#include "common/log/record.h"

/* Instead of librdkafka's: the message has none of its own. */
static rd_kafka_headers_t *headers;

rd_kafka_resp_err_t rd_kafka_message_headers(
    const rd_kafka_message_t *m, rd_kafka_headers_t **out)
{
	(void)m;
	*out = headers;
	return headers ? RD_KAFKA_RESP_ERR_NO_ERROR : RD_KAFKA_RESP_ERR__NOENT;
}

static void set_headers(rd_kafka_headers_t *h)
{
	if (headers)
		rd_kafka_headers_destroy(headers);
	headers = h;
}

static void read_headers(struct fuzz *in)
{
	size_t len;
	set_headers(NULL);
	for (;;) {
		char *line = fuzz_line(in, &len);
		const char *colon = len ? memchr(line, ':', len) : NULL;
		if (colon && headers == NULL)
			set_headers(rd_kafka_headers_new(8));
		if (colon) {
			const char *value = colon + 1 + (colon[1] == ' ');
			rd_kafka_header_add(headers, line, colon - line, value,
			    line + len - value);
		}
		free(line);
		if (colon == NULL)
			return;
	}
}

static bool same(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static void write_again(const rd_kafka_message_t *m)
{
	struct record_write w, again;
	if (!record_write_parse(m, &w))
		return;
	rd_kafka_headers_t *before = headers;
	headers = record_write_headers(&w);
	record_number(headers, w.instance, w.seq);
	CHECK(record_write_parse(m, &again));
	CHECK(again.op == w.op && again.accepted_at == w.accepted_at);
	CHECK(strcmp(again.instance, w.instance) == 0 && again.seq == w.seq);
	CHECK(again.condition == w.condition && again.shape == w.shape);
	CHECK(same(
	    again.versions, again.versions_len, w.versions, w.versions_len));
	CHECK(same(again.idempotency_key, again.idempotency_len,
	    w.idempotency_key, w.idempotency_len));
	CHECK(again.fingerprint == w.fingerprint);
	CHECK(same(again.traceparent.s, again.traceparent.len, w.traceparent.s,
	    w.traceparent.len));
	record_condition_holds(&w, true, 42);
	set_headers(before);
}

static void commit_again(const rd_kafka_message_t *m)
{
	struct record_commit c, again;
	struct follower f = {0};
	if (!record_commit_parse(m, 1, &c))
		return;
	follower_start(&f, 40);
	follower_hear(&f, 0);
	follower_record(&f, c.version);
	rd_kafka_headers_t *before = headers;
	headers = record_commit_headers(&c);
	CHECK(record_commit_parse(m, 1, &again));
	CHECK(again.op == c.op && again.accepted_at == c.accepted_at);
	CHECK(again.version == c.version && again.omitted == c.omitted);
	CHECK(again.has_created == c.has_created);
	CHECK(again.created == c.created || !c.has_created);
	CHECK(same(again.traceparent.s, again.traceparent.len, c.traceparent.s,
	    c.traceparent.len));
	set_headers(before);
}

/* Those of one kind keep their order. In the mark that is read again, they
 * stand from `at` on. Returns where they end. */
static size_t same_verdicts(const struct record_mark *mark,
    const struct record_mark *again, size_t at, bool replays)
{
	for (size_t i = 0; i < mark->nverdicts; i++) {
		const struct record_verdict *v = &mark->verdicts[i];
		if (v->replayed != replays)
			continue;
		CHECK(at < again->nverdicts);
		const struct record_verdict *w = &again->verdicts[at++];
		CHECK(w->replayed == replays && w->version == v->version);
		CHECK(w->reason == v->reason);
		CHECK(same(
		    w->detail.s, w->detail.len, v->detail.s, v->detail.len));
		const struct record_first *f = &v->first, *g = &w->first;
		CHECK(g->has_position == f->has_position);
		CHECK(!f->has_position ||
		      g->position.version == f->position.version);
		CHECK(same(g->key.s, g->key.len, f->key.s, f->key.len));
		CHECK(same(g->outcome.s, g->outcome.len, f->outcome.s,
		    f->outcome.len));
	}
	return at;
}

static void mark_again(const rd_kafka_message_t *m)
{
	struct record_mark mark, again;
	struct follower f = {0};
	struct buf text = {0};
	if (!record_mark_parse(m, &mark))
		return;
	follower_start(&f, 40);
	follower_hear(&f, 0);
	follower_mark(&f, mark.from, mark.through, mark.after);
	record_mark_write(&mark, &text);
	rd_kafka_message_t written = {.payload = text.data, .len = text.len};
	CHECK(record_mark_parse(&written, &again));
	CHECK(again.from == mark.from && again.through == mark.through);
	CHECK(again.after == mark.after && again.nverdicts == mark.nverdicts);
	size_t n = same_verdicts(&mark, &again, 0, false);
	CHECK(same_verdicts(&mark, &again, n, true) == mark.nverdicts);
	record_mark_free(&mark);
	record_mark_free(&again);
	buf_free(&text);
}

static void ids_again(const rd_kafka_message_t *m)
{
	struct record_ids ids, again;
	struct buf text = {0};
	int64_t past;
	size_t left;
	if (!record_ids_parse(m, &ids))
		return;
	struct id_log *log = id_log_new(1);
	struct id_range range = {ids.first, ids.first + ids.n};
	uint64_t number = id_log_claim(log, 0, 1, 0);
	CHECK(id_log_hear(log, 0, range, number, &left) == ID_LOG_MINE);
	CHECK(!id_log_is_free(log, 0, range, &past) && past == range.end);
	id_log_free(&log);
	rd_kafka_headers_t *before = headers;
	headers = record_ids_headers(&ids);
	record_ids_write(&ids, &text);
	rd_kafka_message_t written = {.key = m->key,
	    .key_len = m->key_len,
	    .payload = text.data,
	    .len = text.len};
	CHECK(record_ids_parse(&written, &again));
	CHECK(again.first == ids.first && again.n == ids.n);
	CHECK(again.seq == ids.seq && again.accepted_at == ids.accepted_at);
	CHECK(strcmp(again.instance, ids.instance) == 0);
	set_headers(before);
	buf_free(&text);
}

int FUZZ_ONE(const uint8_t *data, size_t size)
{
	struct fuzz in = fuzz_of(data, size);
	rd_kafka_message_t m = {.partition = 0};
	char *key = fuzz_line(&in, &m.key_len);
	read_headers(&in);
	char *value = fuzz_rest(&in, &m.len);
	m.key = key;
	m.payload = value;
	if (record_is_mark(&m))
		mark_again(&m);
	write_again(&m);
	commit_again(&m);
	ids_again(&m);
	set_headers(NULL);
	free(key);
	free(value);
	return 0;
}
