/* Values: counts of references, and bytes that live as long as any answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/cache/value.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define IS_FREED(p) __asan_address_is_poisoned(p)
#else
#define IS_FREED(p) ((p) != NULL)
#endif

static void present(void **state)
{
	(void)state;
	char doc[] = "{\"key\":\"k\"} and more";
	char etag[VALUE_ETAG_LEN];
	struct value *v = value_new(1042, 1050, doc, 11);
	memset(doc, 'x', sizeof doc - 1); /* it has a copy */
	assert_true(v->present);
	assert_true(v->version == 1042);
	assert_true(v->as_of == 1050);
	assert_int_equal(v->len, 11);
	assert_string_equal(v->doc, "{\"key\":\"k\"}");
	assert_null(v->l1_response);
	value_etag(v, etag);
	assert_string_equal(etag, "\"1042\"");
	value_unref(&v);
	assert_null(v);
	value_unref(&v); /* harmless */
}

static void absent(void **state)
{
	(void)state;
	struct value *v = value_new(0, 7, NULL, 5);
	assert_false(v->present);
	assert_int_equal(v->len, 0);
	assert_string_equal(v->doc, "");
	value_prepare_l1(v);
	assert_null(v->l1_response); /* 404 is not ready-made */
	value_unref(&v);
	v = value_new(VERSION_MAX, VERSION_MAX, "", 0); /* present, empty */
	char etag[VALUE_ETAG_LEN];
	assert_true(v->present);
	value_etag(v, etag);
	assert_string_equal(etag, "\"9223372036854775807\"");
	value_unref(&v);
}

static void counts(void **state)
{
	(void)state;
	struct value *v = value_new(1, 1, "x", 1);
	struct value *same = value_ref(v), *other = v;
	char *doc = v->doc;
	assert_ptr_equal(same, v);
	value_unref(&other);
	assert_null(other);
	assert_string_equal(same->doc, "x"); /* still there */
	value_unref(&same);
	assert_true(IS_FREED(doc));
}

static void is_header(
    struct MHD_Response *r, const char *name, const char *value)
{
	const char *got = MHD_get_response_header(r, name);
	assert_non_null(got);
	assert_string_equal(got, value);
}

static void response_of_its_own(void **state)
{
	(void)state;
	struct value *v = value_new(1042, 1050, "document", 8);
	char *doc = v->doc;
	struct MHD_Response *r = value_response(v);
	struct MHD_Response *second = value_response(v);
	is_header(r, "Content-Type", "application/json");
	is_header(r, "ETag", "\"1042\"");
	/* Where it came from is for the request to say. */
	assert_null(MHD_get_response_header(r, "Cache-Status"));
	/* The value goes, then one of the two; the bytes stay for the other. */
	value_unref(&v);
	assert_string_equal(doc, "document");
	MHD_destroy_response(r);
	assert_string_equal(doc, "document");
	MHD_destroy_response(second);
	assert_true(IS_FREED(doc));
}

/* The other way round: the value outlives its responses. */
static void response_first(void **state)
{
	(void)state;
	struct value *v = value_new(1, 1, "document", 8);
	struct MHD_Response *r = value_response(v);
	MHD_destroy_response(r);
	assert_string_equal(v->doc, "document");
	value_unref(&v);
}

static void ready_made(void **state)
{
	(void)state;
	struct value *v = value_new(7, 8, "document", 8);
	char *doc = v->doc;
	size_t before = value_cost(v);
	assert_true(before >= sizeof *v + 8);
	value_prepare_l1(v);
	assert_non_null(v->l1_response);
	assert_true(value_cost(v) > before);
	is_header(v->l1_response, "Cache-Status", VALUE_L1_STATUS);
	is_header(v->l1_response, "Server-Timing", VALUE_L1_TIMING);
	is_header(v->l1_response, "ETag", "\"7\"");
	is_header(v->l1_response, "Content-Type", "application/json");
	is_header(v->l1_response, "X-Content-Type-Options", "nosniff");
	value_unref(&v); /* and the response with it */
	assert_true(IS_FREED(doc));
}

static void costs(void **state)
{
	(void)state;
	struct value *small = value_new(1, 1, "x", 1);
	char big[5001] = {0};
	struct value *large = value_new(1, 1, big, sizeof big);
	struct value *none = value_new(1, 1, NULL, 0);
	assert_int_equal(value_cost(large) - value_cost(small), 5000);
	assert_int_equal(value_cost(small) - value_cost(none), 1);
	value_unref(&small);
	value_unref(&large);
	value_unref(&none);
}

/* --- threads: the last one frees, whoever it is ----------------------------
 */

enum { THREADS = 4, ROUNDS = 2000, HOLDS = 16 };

static struct value *handed[ROUNDS];

static void *hold_and_drop(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < ROUNDS; i++) {
		struct value *holds[HOLDS];
		for (size_t k = 0; k < HOLDS; k++)
			holds[k] = value_ref(handed[i]);
		struct MHD_Response *r = value_response(handed[i]);
		struct value *mine = handed[i];
		for (size_t k = 0; k < HOLDS; k++)
			value_unref(&holds[k]);
		value_unref(&mine); /* this thread's own */
		MHD_destroy_response(r);
	}
	return NULL;
}

static void threads(void **state)
{
	(void)state;
	pthread_t ids[THREADS];
	for (size_t i = 0; i < ROUNDS; i++) {
		handed[i] = value_new(i, i, "document", 8);
		value_prepare_l1(handed[i]);
		for (int k = 1; k < THREADS; k++)
			value_ref(handed[i]);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&ids[i], NULL, hold_and_drop, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(ids[i], NULL), 0);
	/* The sanitizers say whether any was freed twice, or never. */
}

static void page(void **state)
{
	(void)state;
	const version_t as_of[] = {7, 8, 9};
	char etag[VALUE_ETAG_LEN], other[VALUE_ETAG_LEN];
	struct value *v = value_page_new("[]", 2, NULL, as_of, 3);
	assert_true(v->present);
	assert_int_equal(v->page->n, 3);
	assert_memory_equal(v->page->as_of, as_of, sizeof as_of);
	value_etag(v, etag);
	assert_int_equal(strlen(etag), 34);
	size_t cost = value_cost(v);
	value_unref(&v);
	/* The same bytes, but another one follows. */
	v = value_page_new("[]", 2, "<x>; rel=\"next\"", as_of, 3);
	value_etag(v, other);
	assert_string_not_equal(etag, other);
	assert_true(value_cost(v) > cost);
	value_prepare_l1(v);
	assert_string_equal(MHD_get_response_header(v->l1_response, "Link"),
	    "<x>; rel=\"next\"");
	assert_string_equal(
	    MHD_get_response_header(v->l1_response, "ETag"), other);
	assert_string_equal(
	    MHD_get_response_header(v->l1_response, "Vary"), "Accept, Prefer");
	assert_null(MHD_get_response_header(v->l1_response, "Content-Range"));
	value_unref(&v);
}

static void is_header_of(
    struct MHD_Response *r, const char *name, const char *want)
{
	const char *got = MHD_get_response_header(r, name);
	assert_non_null(got);
	assert_string_equal(got, want);
}

static void part(void **state)
{
	(void)state;
	char etag[VALUE_ETAG_LEN], other[VALUE_ETAG_LEN];
	struct value *v = value_part_new("{\"a\":1}", 7);
	assert_true(v->present);
	value_etag(v, etag);
	assert_int_equal(strlen(etag), 34);
	struct MHD_Response *r = value_response(v);
	assert_null(MHD_get_response_header(r, "Vary"));
	is_header_of(r, "ETag", etag);
	MHD_destroy_response(r);
	value_unref(&v);
	v = value_part_new("{\"a\":2}", 7);
	value_etag(v, other);
	assert_string_not_equal(etag, other);
	value_unref(&v);
}

/* It names the writes that it knows; its watermark is that of a document. */
static void group(void **state)
{
	(void)state;
	char etag[VALUE_ETAG_LEN];
	struct value *v = value_group_new("{}", 2, 3, version_make(0, 1043));
	assert_true(v->present);
	assert_int_equal(v->as_of, version_make(0, 1043));
	assert_int_equal(v->page->n, 0);
	value_etag(v, etag);
	assert_int_equal(strlen(etag), 34);
	struct MHD_Response *r = value_response(v);
	is_header_of(r, "Sluice-As-Of", "3-1042");
	is_header_of(r, "ETag", etag);
	assert_null(MHD_get_response_header(r, "Vary"));
	assert_null(MHD_get_response_header(r, "Content-Range"));
	MHD_destroy_response(r);
	value_unref(&v);
	v = value_group_new("{}", 2, 3, version_make(2, 0)); /* no writes yet */
	r = value_response(v);
	assert_null(MHD_get_response_header(r, "Sluice-As-Of"));
	MHD_destroy_response(r);
	value_unref(&v);
}

static void counted(void **state)
{
	(void)state;
	const version_t as_of[] = {
	    version_make(0, 1043), version_make(2, 0), 8};
	char plain[VALUE_ETAG_LEN], etag[VALUE_ETAG_LEN], other[VALUE_ETAG_LEN];
	struct value *v = value_page_new("[]", 2, NULL, as_of, 3);
	value_etag(v, plain);
	value_page_count(v, 7, true);
	value_etag(v, etag);
	assert_string_not_equal(etag, plain);
	struct MHD_Response *r = value_response(v);
	is_header_of(r, "Content-Range", "*/7");
	/* Without the partition that has no writes. */
	is_header_of(r, "Sluice-As-Of", "0-1042, 2-7");
	is_header_of(r, "Preference-Applied", "count=exact");
	MHD_destroy_response(r);
	value_unref(&v);
	v = value_page_new("[]", 2, NULL, as_of, 3);
	value_page_count(v, 0, false);
	value_etag(v, other);
	assert_string_not_equal(etag, other);
	assert_string_not_equal(plain, other);
	r = value_response(v);
	is_header_of(r, "Content-Range", "*/0");
	assert_null(MHD_get_response_header(r, "Preference-Applied"));
	MHD_destroy_response(r);
	value_unref(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(page),
	    cmocka_unit_test(group),
	    cmocka_unit_test(counted),
	    cmocka_unit_test(part),
	    cmocka_unit_test(present),
	    cmocka_unit_test(absent),
	    cmocka_unit_test(counts),
	    cmocka_unit_test(response_of_its_own),
	    cmocka_unit_test(response_first),
	    cmocka_unit_test(ready_made),
	    cmocka_unit_test(costs),
	    cmocka_unit_test(threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
