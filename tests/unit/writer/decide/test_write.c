/* What is refused when it is read, and which keys are text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/decide/write.h"

#include "tests/unit/declared.h"

#include <string.h>

static void text(void **state)
{
	(void)state;
	assert_true(write_is_text("k\xc3\xa4", 3));
	assert_false(write_is_text("a\0b", 3));
	assert_false(write_is_text("\xc3", 1));
}

static void refusing_keeps_the_last_detail(void **state)
{
	(void)state;
	struct write w = {0};
	write_refuse(&w, REASON_DATA, "first");
	write_refuse(&w, REASON_CONSTRAINT, "second");
	assert_int_equal(w.refused, REASON_CONSTRAINT);
	assert_string_equal(w.detail, "second");
	write_refuse(&w, REASON_CONSTRAINT, "");
	assert_null(w.detail);
	write_clear(&w);
	assert_int_equal(w.refused, REASON_NONE);
}

/* --- batches ------------------------------------------------------------- */

static rd_kafka_headers_t *headers;

rd_kafka_resp_err_t __wrap_rd_kafka_message_headers(
    const rd_kafka_message_t *m, rd_kafka_headers_t **out);
void __wrap_rd_kafka_message_destroy(rd_kafka_message_t *m);

rd_kafka_resp_err_t __wrap_rd_kafka_message_headers(
    const rd_kafka_message_t *m, rd_kafka_headers_t **out)
{
	(void)m;
	*out = headers;
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void __wrap_rd_kafka_message_destroy(rd_kafka_message_t *m)
{
	(void)m;
}

#define PUT(id, doc) "{\"op\":\"put\",\"id\":\"" id "\",\"document\":" doc "}"

static const struct {
	const char *key, *value;
	enum reason reason;
	const char *detail;
} batches[] = {
    {"_batch/g",
	"[" PUT("accounts/g:a", "{\"balance\":1}") "," PUT(
	    "transfers/g", "{\"amount\":1}") "]",
	REASON_NONE, NULL},
    {"_batch/g", "[]", REASON_MALFORMED, "the operations are malformed"},
    {"accounts/g", "[]", REASON_MALFORMED, "its key is not that of a batch"},
    {"_other/g", "[]", REASON_MALFORMED, "its key is not that of a batch"},
    {"_batch/g", "[" PUT("accounts/h:a", "{\"balance\":1}") "]",
	REASON_MALFORMED,
	"operation 0: its key is not of the group of the batch"},
    {"_batch/g", "[" PUT("records/g", "{\"value\":\"\"}") "]", REASON_MALFORMED,
	"operation 0: its key is not of the group of the batch"},
    {"_batch/g",
	"[" PUT("accounts/g", "{\"balance\":1}") "," PUT(
	    "accounts/g", "{\"balance\":2}") "]",
	REASON_MALFORMED,
	"operation 1: an operation before it has the same key"},
    {"_batch/g", "[" PUT("none/g", "{}") "]", REASON_MALFORMED,
	"operation 0: the key names no collection"},
    {"_batch/g",
	"[" PUT("accounts/g:a", "{\"balance\":1}") "," PUT(
	    "accounts/g:b", "{\"balance\":-1}") "]",
	REASON_CONSTRAINT, "operation 1: accounts_balance_minimum"},
};

static void batch(void **state)
{
	(void)state;
	const struct write_log log = {.partitions = 1, .document_max = 1000};
	const struct record_write said = {.op = RECORD_BATCH};
	headers = record_write_headers(&said);
	record_number(headers, "0123456789abcdef", 1);
	for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
		rd_kafka_message_t m = {
		    .key = (void *)(uintptr_t)batches[i].key,
		    .key_len = strlen(batches[i].key),
		    .payload = (void *)(uintptr_t)batches[i].value,
		    .len = strlen(batches[i].value),
		    .offset = 7,
		};
		struct write w;
		write_read(&w, &m, &log);
		assert_int_equal(w.refused, batches[i].reason);
		if (batches[i].detail)
			assert_string_equal(w.detail, batches[i].detail);
		bool whole = w.refused != REASON_MALFORMED;
		assert_int_equal(w.noperations > 0, whole);
		for (size_t k = 0; k < w.noperations; k++) {
			assert_true(w.operations[k].part);
			assert_true(w.operations[k].version == w.version);
		}
		write_clear(&w);
	}
	rd_kafka_headers_destroy(headers);
}

static void read_one(struct write *w, const struct record_write *said,
    const char *key, const char *value)
{
	const struct write_log log = {.partitions = 1, .document_max = 1000};
	rd_kafka_message_t m = {
	    .key = (void *)(uintptr_t)key,
	    .key_len = strlen(key),
	    .payload = (void *)(uintptr_t)value,
	    .len = strlen(value),
	};
	headers = record_write_headers(said);
	record_number(headers, "0123456789abcdef", 1);
	write_read(w, &m, &log);
	w->message = NULL;
	rd_kafka_headers_destroy(headers);
}

#define WITH_SHAPE                                                             \
	"[" PUT("accounts/g:a",                                                \
	    "{\"balance\":1}") ",{\"op\":\"put\","                             \
			       "\"id\":\"none/"                                \
			       "g\",\"shape\":\"0000000000000007\","           \
			       "\"document\":{}}]"

/* An API knows it, since the record has a shape. */
static void of_an_unknown_collection(void **state)
{
	(void)state;
	struct write w;
	struct record_write said = {.op = RECORD_PUT, .shape = 7};
	read_one(&w, &said, "none/k", "{}");
	assert_int_equal(w.refused, REASON_MALFORMED);
	assert_string_equal(w.unknown, "none");
	write_clear(&w);
	said.shape = 0;
	read_one(&w, &said, "none/k", "{}");
	assert_int_equal(w.refused, REASON_MALFORMED);
	assert_null(w.unknown);
	write_clear(&w);
	said = (struct record_write){.op = RECORD_BATCH};
	read_one(&w, &said, "_batch/g", WITH_SHAPE);
	assert_int_equal(w.refused, REASON_MALFORMED);
	assert_string_equal(w.unknown, "none");
	assert_int_equal(w.said.shape, 7);
	write_clear(&w);
}

/* A record that is older than a renaming: from here on it has the new name. */
static void of_former_names(void **state)
{
	(void)state;
	static const char both[] = "{\"balance\":\"x\",\"funds\":7}";
	struct write w;
	struct record_write said = {.op = RECORD_PUT};
	read_one(&w, &said, "accounts/g", "{\"funds\":7}");
	assert_int_equal(w.refused, REASON_NONE);
	assert_string_equal(w.body, "{\"balance\":7}");
	assert_int_equal(w.body_len, strlen(w.body));
	write_clear(&w);
	read_one(&w, &said, "accounts/g", both);
	assert_string_equal(w.body, "{\"balance\":7}");
	write_clear(&w);
	read_one(&w, &said, "accounts/g", "{\"funds\":-1}");
	assert_int_equal(w.refused, REASON_CONSTRAINT);
	assert_string_equal(w.detail, "accounts_balance_minimum");
	write_clear(&w);
	said.op = RECORD_INCREMENT;
	read_one(&w, &said, "accounts/g", "{\"funds\":-1}");
	assert_string_equal(w.body, "{\"balance\":-1}");
	assert_true(w.size >= w.body_len);
	write_clear(&w);
	said = (struct record_write){.op = RECORD_BATCH};
	read_one(&w, &said, "_batch/g",
	    "[" PUT("accounts/g:a", "{\"funds\":1}") "," PUT(
		"accounts/g:b", "{\"balance\":2}") "]");
	assert_int_equal(w.refused, REASON_NONE);
	assert_string_equal(w.operations[0].body, "{\"balance\":1}");
	assert_null(w.operations[1].renamed);
	write_clear(&w);
}

/* Whose it is: an API of before named the field as it was called then. */
static void owner_of_a_former_name(void **state)
{
	(void)state;
	struct write w;
	const struct record_write said = {.op = RECORD_DELETE,
	    .owner_field = {"funds", 5},
	    .owner = {"ada", 3}};
	read_one(&w, &said, "accounts/g", "");
	assert_int_equal(w.refused, REASON_NONE);
	w.said = said; /* the headers are gone */
	assert_string_equal(write_owner_field(&w)->name, "balance");
	write_clear(&w);
}

/* Its rejection has a time that Postgres can store. */
static void batch_of_another_age(void **state)
{
	(void)state;
	const struct write_log log = {.partitions = 1, .document_max = 1000};
	const struct record_write said = {
	    .op = RECORD_BATCH, .accepted_at = RECORD_LATEST + 1};
	headers = record_write_headers(&said);
	record_number(headers, "0123456789abcdef", 1);
	rd_kafka_message_t m = {
	    .key = (void *)(uintptr_t)batches[0].key,
	    .key_len = strlen(batches[0].key),
	    .payload = (void *)(uintptr_t)batches[0].value,
	    .len = strlen(batches[0].value),
	};
	struct write w;
	write_read(&w, &m, &log);
	assert_int_equal(w.refused, REASON_MALFORMED);
	assert_int_equal(w.accepted_at, 0);
	write_clear(&w);
	rd_kafka_headers_destroy(headers);
}

int main(void)
{
	declared("records");
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text),
	    cmocka_unit_test(refusing_keeps_the_last_detail),
	    cmocka_unit_test(batch),
	    cmocka_unit_test(of_an_unknown_collection),
	    cmocka_unit_test(of_former_names),
	    cmocka_unit_test(owner_of_a_former_name),
	    cmocka_unit_test(batch_of_another_age),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
