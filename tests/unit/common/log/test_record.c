/* The logs' records: there and back, through librdkafka's own headers; what is
 * not Sluice's is told apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/log/keyspace.h"
#include "common/log/record.h"
#include "tests/unit/declared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is produced and purged at once comes back in its delivery report, with
 * headers as librdkafka keeps them: no broker is needed. */
struct sent {
	const char *key;
	size_t key_len;
	const char *value;
	size_t value_len;
	rd_kafka_headers_t *headers;
	void (*check)(const rd_kafka_message_t *m);
};

static rd_kafka_t *rk;
static void (*check_now)(const rd_kafka_message_t *m);
static int checked;

static void on_delivery(
    rd_kafka_t *handle, const rd_kafka_message_t *m, void *opaque)
{
	(void)handle;
	(void)opaque;
	check_now(m);
	checked++;
}

static int setup(void **state)
{
	(void)state;
	char text[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	/* An address that nobody answers at: it is never waited for. */
	assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers",
			     "127.0.0.1:1", text, sizeof text),
	    RD_KAFKA_CONF_OK);
	rd_kafka_conf_set_log_cb(conf, NULL);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
	assert_non_null(rk);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rd_kafka_destroy(rk);
	return 0;
}

static void pass(struct sent s)
{
	rd_kafka_vu_t vus[] = {
	    {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = "t"},
	    {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = 0},
	    {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
	    {.vtype = RD_KAFKA_VTYPE_KEY,
		.u.mem = {(void *)(uintptr_t)s.key, s.key_len}},
	    {.vtype = RD_KAFKA_VTYPE_VALUE,
		.u.mem = {(void *)(uintptr_t)s.value, s.value_len}},
	    {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = s.headers},
	};
	check_now = s.check;
	checked = 0;
	rd_kafka_error_t *error =
	    rd_kafka_produceva(rk, vus, s.headers ? 6 : 5);
	assert_null(error);
	assert_int_equal(rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE),
	    RD_KAFKA_RESP_ERR_NO_ERROR);
	while (checked == 0)
		rd_kafka_poll(rk, 100);
	assert_int_equal(checked, 1);
}

/* --- writes ----------------------------------------------------------------
 */

static const struct record_write put = {
    .op = RECORD_PUT,
    .id = "records/a/b",
    .id_len = 11,
    .body = "{\"value\":\"x\"}",
    .body_len = 13,
    .accepted_at = INT64_C(1700000000123456),
    .instance = "0123456789abcdef",
    .seq = 42,
};

static void is_put(const rd_kafka_message_t *m)
{
	struct record_write w;
	assert_true(record_write_parse(m, &w));
	assert_int_equal(w.op, RECORD_PUT);
	assert_int_equal(w.id_len, put.id_len);
	assert_memory_equal(w.id, put.id, put.id_len);
	assert_int_equal(w.body_len, put.body_len);
	assert_memory_equal(w.body, put.body, put.body_len);
	assert_true(w.accepted_at == put.accepted_at);
	assert_string_equal(w.instance, put.instance);
	assert_true(w.seq == 42);
}

static struct sent of_write(const struct record_write *w, const char *parent,
    void (*check)(const rd_kafka_message_t *m))
{
	struct record_write said = *w;
	said.traceparent =
	    (struct record_text){parent, parent ? strlen(parent) : 0};
	rd_kafka_headers_t *h = record_write_headers(&said);
	record_number(h, w->instance, w->seq);
	return (struct sent){w->id, w->id_len, w->body, w->body_len, h, check};
}

static void is_put_with_parent(const rd_kafka_message_t *m)
{
	static const char *const names[] = {
	    "format", "op", "accepted-at", "traceparent", "instance", "seq"};
	static const char *const values[] = {"1", "put", "1700000000123456",
	    "00-ab-cd-01", "0123456789abcdef", "42"};
	rd_kafka_headers_t *h;
	is_put(m);
	struct record_write w;
	assert_true(record_write_parse(m, &w));
	assert_int_equal(w.traceparent.len, strlen(values[3]));
	assert_memory_equal(w.traceparent.s, values[3], w.traceparent.len);
	assert_int_equal(rd_kafka_message_headers(m, &h), 0);
	assert_int_equal(rd_kafka_header_cnt(h), 6);
	for (size_t i = 0; i < 6; i++) {
		const char *name;
		const void *value;
		size_t len;
		assert_int_equal(
		    rd_kafka_header_get_all(h, i, &name, &value, &len), 0);
		assert_string_equal(name, names[i]);
		assert_int_equal(len, strlen(values[i]));
		assert_memory_equal(value, values[i], len);
	}
}

static void is_delete(const rd_kafka_message_t *m)
{
	struct record_write w;
	rd_kafka_headers_t *h;
	assert_true(record_write_parse(m, &w));
	assert_int_equal(w.op, RECORD_DELETE);
	assert_int_equal(w.body_len, 0);
	assert_non_null(w.body);
	assert_true(w.seq == (uint64_t)INT64_MAX);
	assert_int_equal(rd_kafka_message_headers(m, &h), 0);
	assert_int_equal(rd_kafka_header_cnt(h), 5); /* no traceparent */
}

static void is_create(const rd_kafka_message_t *m)
{
	struct record_write w;
	assert_true(record_write_parse(m, &w));
	assert_int_equal(w.condition, RECORD_CREATE);
	assert_true(w.shape == UINT64_C(0xfedcba9876543210));
	assert_true(record_condition_holds(&w, false, 0));
	assert_false(record_condition_holds(&w, true, 7));
}

static void is_expiry(const rd_kafka_message_t *m)
{
	struct record_write w;
	assert_true(record_write_parse(m, &w));
	assert_int_equal(w.condition, RECORD_IF_EXPIRED);
	assert_true(record_condition_holds(&w, true, 12));
	assert_false(record_condition_holds(&w, true, 13));
	assert_false(record_condition_holds(&w, false, 0));
}

static void writes(void **state)
{
	(void)state;
	struct record_write expiry = put;
	expiry.condition = RECORD_IF_EXPIRED;
	expiry.versions = "12";
	expiry.versions_len = 2;
	pass(of_write(&expiry, NULL, is_expiry));
	struct record_write create = put;
	create.condition = RECORD_CREATE;
	create.shape = UINT64_C(0xfedcba9876543210);
	pass(of_write(&create, NULL, is_create));
	pass(of_write(&put, NULL, is_put));
	pass(of_write(&put, "00-ab-cd-01", is_put_with_parent));
	struct record_write delete = put;
	delete.op = RECORD_DELETE;
	delete.body = NULL;
	delete.body_len = 0;
	delete.accepted_at = 0;
	delete.seq = INT64_MAX;
	pass(of_write(&delete, NULL, is_delete));
}

/* --- headers that somebody else wrote ---------------------------------------
 */

struct bad_header {
	const char *name;
	const char *value; /* NULL: the header is not there */
};

static rd_kafka_headers_t *headers_with(
    const struct bad_header *all, size_t n, struct bad_header other)
{
	rd_kafka_headers_t *h = rd_kafka_headers_new(n);
	for (size_t i = 0; i < n; i++) {
		bool here = strcmp(all[i].name, other.name) == 0;
		const char *value = here ? other.value : all[i].value;
		if (value)
			assert_int_equal(
			    rd_kafka_header_add(h, all[i].name, -1, value, -1),
			    0);
	}
	return h;
}

static void no_write(const rd_kafka_message_t *m)
{
	struct record_write w;
	assert_false(record_write_parse(m, &w));
}

static void malformed_writes(void **state)
{
	(void)state;
	static const struct bad_header good[] = {{"op", "put"},
	    {"accepted-at", "1700000000123456"},
	    {"instance", "0123456789abcdef"}, {"seq", "42"}};
	static const struct bad_header bad[] = {
	    {"op", NULL},
	    {"op", ""},
	    {"op", "pu"},
	    {"op", "putt"},
	    {"op", "PUT"},
	    {"accepted-at", NULL},
	    {"accepted-at", ""},
	    {"accepted-at", "-1"},
	    {"accepted-at", "1.5"},
	    {"accepted-at", "9223372036854775808"},
	    {"instance", NULL},
	    {"instance", ""},
	    {"instance", "0123456789abcde"},
	    {"instance", "0123456789abcdef0"},
	    {"instance", "0123456789abcdeg"},
	    {"instance", "0123456789abcdeF"},
	    {"instance", "';drop table x;-"},
	    {"seq", NULL},
	    {"seq", ""},
	    {"seq", "x"},
	    {"seq", "042"},
	    {"seq", "9223372036854775808"},
	};
	const struct sent sent = {put.id, put.id_len, put.body, put.body_len,
	    headers_with(good, 4, (struct bad_header){"", NULL}), is_put};
	pass(sent);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct sent s = sent;
		s.headers = headers_with(good, 4, bad[i]);
		s.check = no_write;
		pass(s);
	}
	struct sent s = sent;
	s.headers = NULL;
	s.check = no_write;
	pass(s);
	static const char *const keys[] = {NULL, "", "records", "/key"};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		s = of_write(&put, NULL, no_write);
		s.key = keys[i];
		s.key_len = keys[i] ? strlen(keys[i]) : 0;
		pass(s);
	}
}

/* Of two headers alike, the last one counts, as Kafka says. */
static void repeated_header(void **state)
{
	(void)state;
	struct sent s = of_write(&put, NULL, is_put);
	rd_kafka_headers_t *h = rd_kafka_headers_new(5);
	assert_int_equal(rd_kafka_header_add(h, "seq", -1, "7", -1), 0);
	assert_int_equal(rd_kafka_header_add(h, "op", -1, "delete", -1), 0);
	static const char *const pairs[] = {"op", "put", "accepted-at",
	    "1700000000123456", "instance", "0123456789abcdef", "seq", "42"};
	for (size_t i = 0; i < 8; i += 2)
		assert_int_equal(
		    rd_kafka_header_add(h, pairs[i], -1, pairs[i + 1], -1), 0);
	rd_kafka_headers_destroy(s.headers);
	s.headers = h;
	pass(s);
}

/* --- commits ---------------------------------------------------------------
 */

static const struct record_commit present = {
    .op = RECORD_PUT,
    .id = "records/k",
    .id_len = 9,
    .doc = "{\"key\":\"k\"}",
    .doc_len = 11,
    .version = VERSION_MAX - 1,
    .accepted_at = 7,
    .has_created = true,
    .created = 3,
};

static void is_present(const rd_kafka_message_t *m)
{
	struct record_commit c;
	assert_false(record_is_mark(m));
	assert_true(record_commit_parse(m, 1, &c));
	assert_int_equal(c.op, RECORD_PUT);
	assert_int_equal(c.id_len, 9);
	assert_memory_equal(c.id, "records/k", 9);
	assert_int_equal(c.doc_len, 11);
	assert_memory_equal(c.doc, present.doc, 11);
	assert_true(c.version == VERSION_MAX - 1);
	assert_false(c.omitted);
	assert_int_equal(c.accepted_at, 7);
	assert_true(c.has_created);
	assert_true(c.created == 3);
}

static void is_omitted(const rd_kafka_message_t *m)
{
	struct record_commit c;
	assert_true(record_commit_parse(m, 1, &c));
	assert_int_equal(c.op, RECORD_PUT);
	assert_true(c.omitted);
	assert_null(c.doc);
	assert_int_equal(c.doc_len, 0);
	assert_true(c.version == present.version);
}

static void is_gone(const rd_kafka_message_t *m)
{
	struct record_commit c;
	assert_true(record_commit_parse(m, 1, &c));
	assert_int_equal(c.op, RECORD_DELETE);
	assert_null(c.doc);
	assert_int_equal(c.doc_len, 0);
	assert_true(c.version == 0);
	assert_false(c.has_created);
}

#define PARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static void is_traced(const rd_kafka_message_t *m)
{
	struct record_commit c;
	assert_true(record_commit_parse(m, 1, &c));
	assert_int_equal(c.traceparent.len, strlen(PARENT));
	assert_memory_equal(c.traceparent.s, PARENT, c.traceparent.len);
}

static struct sent of_commit(
    const struct record_commit *c, void (*check)(const rd_kafka_message_t *m))
{
	return (struct sent){c->id, c->id_len, c->doc, c->doc_len,
	    record_commit_headers(c), check};
}

static void commits(void **state)
{
	(void)state;
	pass(of_commit(&present, is_present));
	struct record_commit gone = present;
	gone.op = RECORD_DELETE;
	gone.doc = NULL;
	gone.doc_len = 0;
	gone.version = 0;
	gone.has_created = false;
	pass(of_commit(&gone, is_gone));
	struct record_commit omitted = present;
	omitted.omitted = true;
	omitted.doc = "";
	omitted.doc_len = 0;
	pass(of_commit(&omitted, is_omitted));
	struct record_commit traced = present;
	traced.traceparent = (struct record_text){PARENT, strlen(PARENT)};
	pass(of_commit(&traced, is_traced));
}

static void of_another_partition(const rd_kafka_message_t *m)
{
	struct record_commit c;
	int at_home = 0;
	for (int32_t p = 0; p < 8; p++) {
		rd_kafka_message_t there = *m;
		there.partition = p;
		bool ok = record_is_at_home(&there, 8);
		at_home += ok;
		assert_int_equal(
		    ok, keyspace_slot(m->key, m->key_len, 8).partition == p);
	}
	assert_int_equal(at_home, 1);
	/* It came in partition 0. */
	bool ours = keyspace_slot(m->key, m->key_len, 8).partition == 0;
	assert_int_equal(record_commit_parse(m, 8, &c), ours);
	assert_true(record_commit_parse(m, 1, &c));
}

static void homes(void **state)
{
	(void)state;
	char id[16];
	declared("records"); /* of an unknown one, both homes count */
	for (int i = 0; i < 32; i++) {
		struct record_commit c = present;
		c.id = id;
		c.id_len = (size_t)snprintf(id, sizeof id, "records/%d", i);
		pass(of_commit(&c, of_another_partition));
	}
}

static void no_commit(const rd_kafka_message_t *m)
{
	struct record_commit c;
	assert_false(record_commit_parse(m, 1, &c));
}

static void malformed_commits(void **state)
{
	(void)state;
	static const struct bad_header good[] = {
	    {"version", "9223372036854775806"}, {"op", "put"},
	    {"accepted-at", "7"}, {"created", "3"}};
	static const struct bad_header bad[] = {
	    {"version", NULL},
	    {"version", ""},
	    {"version", "-1"},
	    {"version", "9223372036854775807"}, /* has no successor */
	    {"version", "9223372036854775808"},
	    {"created", "9223372036854775807"}, /* after the row's version */
	    {"op", NULL},
	    {"op", "upsert"},
	    {"op", "patch"},
	    {"op", "increment"},
	    {"op", "delete"}, /* with a document */
	    {"accepted-at", "253402300800000000"},
	    {"accepted-at", NULL},
	    {"accepted-at", "now"},
	};
	const struct sent sent = {present.id, present.id_len, present.doc,
	    present.doc_len,
	    headers_with(good, 4, (struct bad_header){"", NULL}), is_present};
	pass(sent);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct sent s = sent;
		s.headers = headers_with(good, 4, bad[i]);
		s.check = no_commit;
		pass(s);
	}
	struct sent s = sent;
	s.headers = NULL;
	s.check = no_commit;
	pass(s);
	static const char *const keys[] = {NULL, "", "_mark", "records", "/k"};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		s = of_commit(&present, no_commit);
		s.key = keys[i];
		s.key_len = keys[i] ? strlen(keys[i]) : 0;
		pass(s);
	}
}

/* --- marks -----------------------------------------------------------------
 */

/* Marks have no headers: a message by hand will do. */
static rd_kafka_message_t mark_message(const char *text, size_t len)
{
	char *owned = malloc(len ? len : 1); /* no NUL: nobody may read it */
	assert_non_null(owned);
	memcpy(owned, text, len);
	return (rd_kafka_message_t){.payload = owned, .len = len};
}

static bool parse_mark(const char *text, size_t len, struct record_mark *out)
{
	rd_kafka_message_t m = mark_message(text, len);
	bool ok = record_mark_parse(&m, out);
	free(m.payload);
	return ok;
}

static void marks(void **state)
{
	(void)state;
	struct record_verdict two[] = {
	    {.version = 120, .reason = REASON_NOT_FOUND},
	    {.version = 121, .reason = REASON_CONSTRAINT}};
	static const struct {
		struct record_mark mark;
		const char *text;
	} table[] = {
	    {{.from = 100, .through = 150, .after = 7041},
		"{\"from\":\"100\",\"through\":\"150\",\"after\":7041}"},
	    {{.from = 5, .through = 5, .after = -1},
		"{\"from\":\"5\",\"through\":\"5\",\"after\":-1}"},
	    {{.from = 0, .through = VERSION_MAX - 1, .after = INT64_MAX - 1},
		"{\"from\":\"0\",\"through\":\"9223372036854775806\","
		"\"after\":9223372036854775806}"},
	    {{.from = 100, .through = 150, .after = 0, .nverdicts = 1},
		"{\"from\":\"100\",\"through\":\"150\",\"after\":0,"
		"\"rejected\":[{\"version\":\"120\",\"reason\":"
		"\"not-found\"}]}"},
	    {{.from = 100, .through = 150, .after = 0, .nverdicts = 2},
		"{\"from\":\"100\",\"through\":\"150\",\"after\":0,"
		"\"rejected\":[{\"version\":\"120\",\"reason\":"
		"\"not-found\"},{\"version\":\"121\",\"reason\":"
		"\"constraint-violation\"}]}"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct record_mark want = table[i].mark, got;
		want.verdicts = two;
		struct buf b = {0};
		record_mark_write(&want, &b);
		assert_string_equal(b.data, table[i].text);
		assert_true(parse_mark(b.data, b.len, &got));
		assert_true(got.from == want.from);
		assert_true(got.through == want.through);
		assert_true(got.after == want.after);
		assert_int_equal(got.nverdicts, want.nverdicts);
		for (size_t k = 0; k < want.nverdicts; k++) {
			assert_true(got.verdicts[k].version == two[k].version);
			assert_int_equal(got.verdicts[k].reason, two[k].reason);
		}
		record_mark_free(&got);
		assert_null(got.verdicts);
		record_mark_free(&got); /* harmless */
		buf_free(&b);
	}
}

static void check_replay(const struct record_verdict *v)
{
	assert_true(v->version == 121 && v->replayed);
	assert_int_equal(v->reason, REASON_NONE);
	assert_true(v->first.has_position);
	assert_int_equal(v->first.position.partition, 5);
	assert_true(v->first.position.version == 7);
	assert_string_equal(v->first.outcome.s, "created");
	assert_string_equal(v->first.key.s, "k");
}

/* What lets a writer tell the same once more. */
static void marks_say_why(void **state)
{
	(void)state;
	struct record_verdict three[] = {
	    {.version = 120,
		.reason = REASON_CONSTRAINT,
		.detail = {"a \"b\"", 5}},
	    {.version = 121,
		.replayed = true,
		.first = {.has_position = true,
		    .position = {5, 7},
		    .outcome = {"created", 7},
		    .key = {"k", 1}}},
	    {.version = 122, .reason = REASON_NOT_FOUND},
	};
	static const char text[] =
	    "{\"from\":\"100\",\"through\":\"150\",\"after\":0,"
	    "\"told\":\"200\",\"anew\":true,\"rejected\":["
	    "{\"version\":\"120\",\"reason\":\"constraint-violation\","
	    "\"detail\":\"a \\\"b\\\"\"},"
	    "{\"version\":\"122\",\"reason\":\"not-found\"}],"
	    "\"replays\":[{\"version\":\"121\",\"first\":\"5-7\","
	    "\"outcome\":\"created\",\"key\":\"k\"}]}";
	const struct record_mark want = {.from = 100,
	    .through = 150,
	    .told = 200,
	    .anew = true,
	    .verdicts = three,
	    .nverdicts = 3};
	struct record_mark got;
	struct buf b = {0};
	record_mark_write(&want, &b);
	assert_string_equal(b.data, text);
	assert_true(parse_mark(b.data, b.len, &got));
	assert_true(got.told == 200 && got.anew);
	assert_int_equal(got.nverdicts, 3);
	assert_string_equal(got.verdicts[0].detail.s, "a \"b\"");
	assert_false(got.verdicts[0].replayed);
	assert_int_equal(got.verdicts[1].reason, REASON_NOT_FOUND);
	assert_null(got.verdicts[1].detail.s);
	check_replay(&got.verdicts[2]);
	record_mark_free(&got);
	buf_free(&b);
}

/* Former writers had replays among the rejections. */
static void former_marks(void **state)
{
	(void)state;
	static const char text[] =
	    "{\"from\":\"100\",\"through\":\"150\",\"after\":0,"
	    "\"rejected\":["
	    "{\"version\":\"121\",\"reason\":\"replayed\",\"first\":\"5-7\","
	    "\"outcome\":\"created\",\"key\":\"k\"},"
	    "{\"version\":\"122\",\"reason\":\"not-found\"},"
	    "{\"version\":\"123\",\"reason\":\"replayed\"}]}";
	static const char again[] =
	    "{\"from\":\"100\",\"through\":\"150\",\"after\":0,"
	    "\"rejected\":[{\"version\":\"122\",\"reason\":\"not-found\"}],"
	    "\"replays\":[{\"version\":\"121\",\"first\":\"5-7\","
	    "\"outcome\":\"created\",\"key\":\"k\"},{\"version\":\"123\"}]}";
	struct record_mark got;
	struct buf b = {0};
	assert_true(parse_mark(text, sizeof text - 1, &got));
	assert_int_equal(got.nverdicts, 3);
	check_replay(&got.verdicts[0]);
	assert_false(got.verdicts[1].replayed);
	assert_true(got.verdicts[2].replayed);
	assert_false(got.verdicts[2].first.has_position);
	assert_null(got.verdicts[2].first.outcome.s);
	record_mark_write(&got, &b);
	assert_string_equal(b.data, again);
	record_mark_free(&got);
	buf_free(&b);
}

static void every_reason_travels(void **state)
{
	(void)state;
	for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
		struct record_verdict one = {
		    .version = 1, .reason = (enum reason)r};
		struct record_mark mark = {
		    .through = 2, .verdicts = &one, .nverdicts = 1};
		struct record_mark got;
		struct buf b = {0};
		record_mark_write(&mark, &b);
		assert_true(parse_mark(b.data, b.len, &got));
		assert_int_equal(got.verdicts[0].reason, r);
		record_mark_free(&got);
		buf_free(&b);
	}
}

/* A newer writer may say more than this reader knows. */
static void newer_marks(void **state)
{
	(void)state;
	static const char text[] =
	    "{\"new\":[1],\"from\":\"1\",\"through\":\"9\",\"after\":3,"
	    "\"rejected\":[{\"version\":\"4\",\"reason\":\"newer\",\"x\":1}]}";
	struct record_mark got;
	assert_true(parse_mark(text, sizeof text - 1, &got));
	assert_int_equal(got.nverdicts, 1);
	assert_true(got.verdicts[0].version == 4);
	assert_int_equal(got.verdicts[0].reason, REASON_DATA);
	record_mark_free(&got);
}

#define MARK(rest) "{\"from\":\"1\",\"through\":\"9\",\"after\":3" rest "}"

static void malformed_marks(void **state)
{
	(void)state;
	static const char *const table[] = {
	    "",
	    "{",
	    "[]",
	    "null",
	    "\"mark\"",
	    "{}",
	    MARK("") "x",
	    "{\"through\":\"9\",\"after\":3}",
	    "{\"from\":\"1\",\"after\":3}",
	    "{\"from\":\"1\",\"through\":\"9\"}",
	    "{\"from\":1,\"through\":\"9\",\"after\":3}",
	    "{\"from\":\"1\",\"through\":9,\"after\":3}",
	    "{\"from\":\"1\",\"through\":\"9\",\"after\":\"3\"}",
	    "{\"from\":\"1\",\"through\":\"9\",\"after\":3.5}",
	    "{\"from\":\"1\",\"through\":\"9\",\"after\":null}",
	    "{\"from\":\"10\",\"through\":\"9\",\"after\":3}",
	    "{\"from\":\"-1\",\"through\":\"9\",\"after\":3}",
	    "{\"from\":\"1\",\"through\":\"9223372036854775808\",\"after\":3}",
	    "{\"from\":\"1\",\"through\":\"9223372036854775807\",\"after\":3}",
	    "{\"from\":\"1\",\"through\":\"9\",\"after\":-2}",
	    "{\"from\":\"1\",\"through\":\"9\","
	    "\"after\":9223372036854775807}",
	    MARK(
		",\"rejected\":[{\"version\":\"9\",\"reason\":\"not-found\"}]"),
	    MARK(
		",\"rejected\":[{\"version\":\"0\",\"reason\":\"not-found\"}]"),
	    MARK(",\"rejected\":{}"),
	    MARK(",\"rejected\":\"4\""),
	    MARK(",\"rejected\":[4]"),
	    MARK(",\"rejected\":[{}]"),
	    MARK(",\"rejected\":[{\"version\":\"4\"}]"),
	    MARK(",\"rejected\":[{\"reason\":\"not-found\"}]"),
	    MARK(",\"rejected\":[{\"version\":4,\"reason\":\"not-found\"}]"),
	    MARK(",\"rejected\":[{\"version\":\"4\",\"reason\":7}]"),
	    MARK(",\"replays\":[{\"version\":\"9\"}]"),
	    MARK(",\"replays\":[{\"version\":\"0\"}]"),
	    MARK(",\"replays\":{}"),
	    MARK(",\"replays\":[4]"),
	    MARK(",\"replays\":[{\"first\":\"5-7\"}]"),
	    MARK(",\"replays\":[{\"version\":4}]"),
	    MARK(",\"rejected\":[{\"version\":\"4\",\"reason\":\"not-found\"},"
		 "{\"version\":\"\",\"reason\":\"not-found\"}]"),
	};
	struct record_mark got;
	assert_true(parse_mark(MARK(""), sizeof MARK("") - 1, &got));
	record_mark_free(&got);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		if (parse_mark(table[i], strlen(table[i]), &got))
			fail_msg("accepted: %s", table[i]);
		assert_null(got.verdicts);
		assert_int_equal(got.nverdicts, 0);
	}
	rd_kafka_message_t tombstone = {.payload = NULL};
	assert_false(record_mark_parse(&tombstone, &got));
	/* Every cut of a mark is none. */
	static const char whole[] = MARK(
	    ",\"rejected\":[{\"version\":\"4\",\"reason\":\"malformed\"}]");
	for (size_t n = 0; n < sizeof whole - 1; n++)
		assert_false(parse_mark(whole, n, &got));
}

/* --- ids ------------------------------------------------------------------ */

static const struct bad_header ids_headers[] = {
    {"accepted-at", "1700000000123456"}, {"instance", "0123456789abcdef"},
    {"seq", "42"}};

static struct sent of_ids(const char *value, struct bad_header other,
    void (*check)(const rd_kafka_message_t *m))
{
	return (struct sent){"posts", 5, value, value ? strlen(value) : 0,
	    headers_with(ids_headers, 3, other), check};
}

static void is_ids(const rd_kafka_message_t *m)
{
	struct record_ids ids;
	assert_true(record_ids_parse(m, &ids));
	assert_int_equal(ids.collection_len, 5);
	assert_memory_equal(ids.collection, "posts", 5);
	assert_int_equal(ids.first, -9);
	assert_int_equal(ids.n, RECORD_IDS_MOST);
	assert_string_equal(ids.instance, "0123456789abcdef");
	assert_int_equal(ids.seq, 42);
	assert_int_equal(ids.accepted_at, INT64_C(1700000000123456));
}

static void no_ids(const rd_kafka_message_t *m)
{
	struct record_ids ids;
	assert_false(record_ids_parse(m, &ids));
}

/* --- formats -------------------------------------------------------------- */

static uint64_t said; /* the header of the message */
static int known;

static void has_format(const rd_kafka_message_t *m)
{
	assert_true(record_is_newer(m, (enum stored_format)(said - 1)));
	assert_false(record_is_newer(m, said));
	assert_true(record_is_known(m, said));
	assert_false(record_is_known(m, said - 1));
}

static void is_newer(const rd_kafka_message_t *m)
{
	struct record_write w;
	struct record_commit c;
	struct record_ids n;
	assert_true(record_is_newer(m, known));
	assert_false(record_is_known(m, known));
	assert_false(record_write_parse(m, &w));
	assert_false(record_commit_parse(m, 1, &c));
	assert_false(record_ids_parse(m, &n));
}

static void is_no_number(const rd_kafka_message_t *m)
{
	struct record_write w;
	assert_false(record_is_newer(m, known));
	assert_false(record_is_known(m, known));
	assert_false(record_write_parse(m, &w));
}

static void pass_write(
    const struct record_write *w, uint64_t format, enum record_op op)
{
	struct record_write one = *w;
	one.op = op;
	said = format;
	pass(of_write(&one, NULL, has_format));
}

/* What daemons of before read as it is meant has their number. */
static void formats_of_writes(void **state)
{
	(void)state;
	pass_write(&put, 1, RECORD_PUT);
	pass_write(&put, 1, RECORD_INCREMENT);
	pass_write(&put, 2, RECORD_TOUCH);
	pass_write(&put, 2, RECORD_BATCH);
	struct record_write owned = put, late = put;
	owned.owner_field = (struct record_text){"by", 2};
	owned.owner = (struct record_text){"me", 2};
	pass_write(&owned, 2, RECORD_PUT);
	late.condition = RECORD_IF_EXPIRED;
	late.versions = "*";
	late.versions_len = 1;
	pass_write(&late, 2, RECORD_DELETE);
}

static void formats_of_marks(void **state)
{
	(void)state;
	struct record_verdict two[] = {
	    {.version = 3, .reason = REASON_NOT_FOUND},
	    {.version = 4, .replayed = true}};
	struct record_mark mark = {
	    .from = 1, .through = 9, .verdicts = two, .nverdicts = 1};
	struct sent s = {"_mark", 5, "{}", 2, NULL, has_format};
	s.headers = record_mark_headers(&mark);
	said = 1;
	pass(s);
	mark.nverdicts = 2;
	s.headers = record_mark_headers(&mark);
	said = 2;
	pass(s);
}

/* It is not read, whatever else it has. */
static void newer_formats(void **state)
{
	(void)state;
	const struct bad_header none = {"", NULL};
	struct bad_header format = {"format", NULL};
	static const struct bad_header good[] = {{"format", "1"},
	    {"version", "5"}, {"op", "put"}, {"accepted-at", "7"},
	    {"instance", "0123456789abcdef"}, {"seq", "42"}};
	struct sent s = {
	    "records/k", 9, "{}", 2, headers_with(good, 6, none), has_format};
	said = 1;
	pass(s);
	s.headers = headers_with(good, 6, format); /* of before */
	pass(s);
	format.value = "3";
	known = 2;
	s.check = is_newer;
	s.headers = headers_with(good, 6, format);
	pass(s);
	static const char *const no_numbers[] = {"", "x", "-1", "1.0"};
	s.check = is_no_number;
	for (size_t i = 0; i < 4; i++) {
		format.value = no_numbers[i];
		s.headers = headers_with(good, 6, format);
		pass(s);
	}
}

static void ids(void **state)
{
	(void)state;
	const struct bad_header none = {"", NULL};
	struct record_ids it = {.first = -9,
	    .n = RECORD_IDS_MOST,
	    .accepted_at = INT64_C(1700000000123456),
	    .instance = "0123456789abcdef",
	    .seq = 42};
	struct buf value = {0};
	record_ids_write(&it, &value);
	struct sent s = {
	    "posts", 5, value.data, value.len, record_ids_headers(&it), is_ids};
	pass(s);
	s.key = NULL;
	s.key_len = 0;
	s.headers = record_ids_headers(&it);
	s.check = no_ids;
	pass(s);
	pass(of_ids(value.data, none, is_ids));
	static const struct bad_header headers[] = {{"accepted-at", NULL},
	    {"accepted-at", "253402300800000000"}, {"instance", NULL},
	    {"instance", "0123456789abcde"}, {"seq", NULL}, {"seq", "-1"}};
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
		pass(of_ids(value.data, headers[i], no_ids));
	static const char *const values[] = {NULL, "", "x", "[]", "{}",
	    "{\"first\":1}", "{\"n\":1}", "{\"first\":\"1\",\"n\":1}",
	    "{\"first\":1,\"n\":1.0}", "{\"first\":1,\"n\":0}",
	    "{\"first\":1,\"n\":-1}", "{\"first\":1,\"n\":16777217}",
	    "{\"first\":9223372036854775807,\"n\":1}",
	    "{\"first\":9223372036854775808,\"n\":1}"};
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		pass(of_ids(values[i], none, no_ids));
	buf_free(&value);
}

static void mark_keys(void **state)
{
	(void)state;
	static const struct {
		const char *key;
		bool mark;
	} table[] = {{"_mark", true}, {"_mar", false}, {"_markx", false},
	    {"_mark/x", false}, {"records/_mark", false}, {"", false}};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char key[32];
		strcpy(key, table[i].key);
		rd_kafka_message_t m = {.key = key, .key_len = strlen(key)};
		assert_int_equal(record_is_mark(&m), table[i].mark);
	}
	rd_kafka_message_t none = {.key = NULL};
	assert_false(record_is_mark(&none));
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(record_op_name(RECORD_PUT), "put");
	assert_string_equal(record_op_name(RECORD_DELETE), "delete");
	assert_string_equal(record_op_name(RECORD_TOUCH), "touch");
	assert_true(record_has_body(RECORD_PUT));
	assert_true(record_has_body(RECORD_BATCH));
	assert_false(record_has_body(RECORD_DELETE));
	assert_false(record_has_body(RECORD_TOUCH));
	assert_int_equal(record_collection_len("records/a/b", 11), 7);
	assert_int_equal(record_collection_len("records/", 8), 7);
	assert_int_equal(record_collection_len("records/a", 7), 0);
	assert_int_equal(record_collection_len("/a", 2), 0);
	assert_int_equal(record_collection_len("", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writes),
	    cmocka_unit_test(malformed_writes),
	    cmocka_unit_test(repeated_header),
	    cmocka_unit_test(commits),
	    cmocka_unit_test(homes),
	    cmocka_unit_test(malformed_commits),
	    cmocka_unit_test(marks),
	    cmocka_unit_test(marks_say_why),
	    cmocka_unit_test(former_marks),
	    cmocka_unit_test(every_reason_travels),
	    cmocka_unit_test(newer_marks),
	    cmocka_unit_test(malformed_marks),
	    cmocka_unit_test(formats_of_writes),
	    cmocka_unit_test(formats_of_marks),
	    cmocka_unit_test(newer_formats),
	    cmocka_unit_test(ids),
	    cmocka_unit_test(mark_keys),
	    cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
