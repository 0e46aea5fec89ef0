/* API keys: what a key file may say, every fault of it with its place, and
 * which keys are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/access/api_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW CLOCK_S(1700000000)
#define SHA_OF_ZEROS                                                           \
	"ccc1de969d40bc83ca4445c4ae121c96cddaadc35ca7a5f3143ebe27110c56cb"
#define HEX64 "0123456789abcdefABCDEF00000000000000000000000000000000000000000f"

static role_set editor, reader;

static int grant_roles(void **state)
{
	(void)state;
	roles_forget();
	editor = reader = 0;
	assert_true(roles_grant(&editor, "editor", 6));
	assert_true(roles_grant(&reader, "reader", 6));
	return 0;
}

#define KEYS(entries) "{\"keys\":[" entries "]}"
#define KEY(more) KEYS("{\"id\":\"ci\",\"sha256\":\"" HEX64 "\"," more "}")
#define GOOD "\"roles\":[\"editor\"]"

static const struct {
	const char *text, *message;
} wrong[] = {
    {"", "line 1, column 1: ends too early"},
    {"{\"keys\":[\n{,]}", "line 2, column 2: not valid JSON"},
    {"[]", "line 1, column 1: must be an object"},
    {"{}", "keys: the member must be there, and be an array"},
    {"{\"keys\":{}}", "keys: the member must be there, and be an array"},
    {"{\"keys\":[],\"x\":1}", "unknown member \"x\""},
    {"{\"keys\":[],\"keys\":[]}",
	"line 1, column 17: a duplicate member of its object"},
    {KEYS("7"), "keys[0]: must be an object"},
    {KEYS("{}"), "keys[0].id: must be a string of lower-case letters, digits "
		 "and -, at most 63 of them"},
    {KEYS("{\"id\":7}"), "keys[0].id: must be a string"},
    {KEYS("{\"id\":\"\"}"), "keys[0].id: must be a string"},
    {KEYS("{\"id\":\"-a\"}"), "keys[0].id: must be a string"},
    {KEYS("{\"id\":\"a_b\"}"), "keys[0].id: must be a string"},
    {KEYS("{\"id\":\"Ci\"}"), "keys[0].id: must be a string"},
    {KEYS("{\"id\":\"ci\",\"certificate\":7}"), "keys[0].certificate: must be"},
    {KEYS("{\"id\":\"ci\",\"certificate\":\"\"}"), "keys[0].certificate: must"},
    {KEYS("{\"id\":\"ci\",\"certificate\":\"CN=a\",\"sha256\":\"" HEX64
	  "\"," GOOD "}"),
	"keys[0]: has both sha256 and certificate"},
    {KEYS("{\"id\":\"a\",\"certificate\":\"CN=a\"," GOOD "},{\"id\":\"b\","
	  "\"certificate\":\"CN=a\"," GOOD "}"),
	"keys: two entries have the certificate CN=a"},
    {KEYS("{\"id\":\"ci\"}"), "keys[0].sha256: must be a string of 64 hex"},
    {KEYS("{\"id\":\"ci\",\"sha256\":\"0a\"}"), "keys[0].sha256: must be"},
    {KEYS("{\"id\":\"ci\",\"sha256\":\"" HEX64 "0\"}"), "keys[0].sha256: must"},
    {KEYS("{\"id\":\"ci\",\"sha256\":\"g123456789abcdefABCDEF0000000000000000"
	  "0000000000000000000000000f\"}"),
	"keys[0].sha256: must"},
    {KEYS("{\"id\":\"ci\",\"sha256\":\"" HEX64 "\"}"),
	"keys[0].roles: must be an array of at least one role"},
    {KEY("\"roles\":\"editor\""), "keys[0].roles: must be an array"},
    {KEY("\"roles\":[]"), "keys[0].roles: must be an array"},
    {KEY("\"roles\":[7]"), "keys[0].roles[0]: a role begins with"},
    {KEY("\"roles\":[\"editor\",\"Editor\"]"), "keys[0].roles[1]: a role "
					       "begins with"},
    {KEY("\"roles\":[\"edtor\"]"), "keys[0].roles[0]: no collection and no "
				   "setting grants anything to the role edtor"},
    {KEY(GOOD ",\"subject\":7"), "keys[0].subject: must be a string of 1 to"},
    {KEY(GOOD ",\"subject\":\"\""), "keys[0].subject: must be a string of 1"},
    {KEY(GOOD ",\"note\":7"), "keys[0].note: must be a string"},
    {KEY(GOOD ",\"expire\":\"2027-01-31T00:00:00Z\""),
	"keys[0]: unknown member \"expire\""},
    {KEY(GOOD ",\"expires\":null"), "keys[0].expires: must be a time such as"},
    {KEY(GOOD ",\"expires\":1700000000"), "keys[0].expires: must be a time"},
    {KEY(GOOD ",\"expires\":\"2027-01-31\""), "keys[0].expires: must be"},
    {KEY(GOOD ",\"expires\":\"2027-02-30T00:00:00Z\""), "keys[0].expires: mu"},
    {KEY(GOOD ",\"expires\":\"2027-1-31T00:00:00Z\""), "keys[0].expires: must"},
    {KEY(GOOD ",\"expires\":\"2027-01-31T00:00:00+01:00\""),
	"keys[0].expires: must"},
    {KEY(GOOD ",\"expires\":\"2027-01-31T00:00:00Z \""),
	"keys[0].expires: must"},
    {KEYS("{\"id\":\"b\",\"sha256\":\"" HEX64 "\"," GOOD "},"
	  "{\"id\":\"a\",\"sha256\":\"" HEX64 "\"," GOOD "},"
	  "{\"id\":\"b\",\"sha256\":\"" HEX64 "\"," GOOD "}"),
	"keys: two keys have the id b"},
    {KEYS("{\"id\":\"b\",\"sha256\":\"" HEX64 "\"," GOOD "},7"),
	"keys[1]: must be an object"},
};

static void says_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct api_keys *keys;
		const char *text = wrong[i].text, *message = wrong[i].message;
		struct err e = api_keys_parse(text, strlen(text), false, &keys);
		assert_null(keys);
		assert_int_equal(e.kind, ERR_KIND_FATAL);
		if (strncmp(e.msg, message, strlen(message)) != 0)
			fail_msg("%s: '%s'", text, e.msg);
	}
}

static void bounds_the_keys(void **state)
{
	(void)state;
	struct buf text = {0};
	struct api_keys *keys;
	buf_str(&text, "{\"keys\":[");
	for (int i = 0; i <= API_KEYS_MOST; i++)
		buf_str(&text, i ? ",{}" : "{}");
	buf_str(&text, "]}");
	struct err e = api_keys_parse(text.data, text.len, false, &keys);
	assert_string_equal(e.msg, "keys: 20001 keys; allowed: at most 20000");
	buf_free(&text);
}

/* --- making and finding -------------------------------------------------- */

static const char *const both[] = {"editor", "reader"};

struct made {
	struct buf key, json;
};

static struct made make(const char *id, const char *subject, int64_t expires)
{
	struct made m = {0};
	unsigned char random[API_KEYS_RANDOM];
	struct api_keys_entry e = {id, both, 2, subject, expires};
	memset(random, id[0], sizeof random);
	random[31] = 0xff; /* so that the key has a `_` of its own */
	api_keys_make(&e, random, &m.key, &m.json);
	return m;
}

static void made_free(struct made *m)
{
	buf_free(&m->key);
	buf_free(&m->json);
}

static struct api_keys *keys_of(const struct made *a, const struct made *b)
{
	struct api_keys *keys;
	struct buf text = {0};
	buf_printf(&text, "{\"keys\":[%s,%s]}", a->json.data, b->json.data);
	struct err e = api_keys_parse(text.data, text.len, false, &keys);
	if (e.kind != ERR_KIND_OK)
		fail_msg("%s", e.msg);
	buf_free(&text);
	return keys;
}

static enum api_keys_fault find(const struct api_keys *keys, const char *key)
{
	struct principal *p;
	enum api_keys_fault fault =
	    api_keys_find(keys, key, strlen(key), NOW, &p);
	assert_int_equal(p != NULL, fault == API_KEYS_OK);
	principal_unref(&p);
	return fault;
}

static void makes_an_entry(void **state)
{
	(void)state;
	unsigned char random[API_KEYS_RANDOM] = {0};
	struct made m = {0};
	struct api_keys_entry e = {"ci", both, 2, "a\"b", 1700000000};
	api_keys_make(&e, random, &m.key, &m.json);
	assert_string_equal(
	    m.key.data, "slk_ci_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	/* printf %s slk_ci_AAA… | sha256sum */
	assert_string_equal(m.json.data,
	    "{\"id\":\"ci\",\"sha256\":\"" SHA_OF_ZEROS
	    "\",\"roles\":[\"editor\",\"reader\"],\"subject\":\"a\\\"b\","
	    "\"expires\":\"2023-11-14T22:13:20Z\"}");
	made_free(&m);
}

static void takes_several_keys(void **state)
{
	(void)state;
	struct made a = make("b-new", "ada", INT64_MAX);
	struct made b = make("a-old", NULL, 1700000001);
	struct api_keys *keys = keys_of(&a, &b);
	struct principal *p;
	assert_int_equal(api_keys_count(keys), 2);
	assert_true(api_keys_has(keys, "a-old"));
	assert_false(api_keys_has(keys, "a"));
	assert_int_equal(
	    api_keys_find(keys, a.key.data, a.key.len, NOW, &p), API_KEYS_OK);
	assert_int_equal(p->kind, PRINCIPAL_KEY);
	assert_string_equal(principal_subject(p), "ada");
	assert_string_equal(p->key, "b-new");
	assert_true(p->roles == (editor | reader));
	assert_true(p->expires == INT64_MAX);
	principal_unref(&p);
	assert_int_equal(
	    api_keys_find(keys, b.key.data, b.key.len, NOW, &p), API_KEYS_OK);
	assert_string_equal(principal_subject(p), "key:a-old");
	assert_int_equal(p->expires, 1700000001);
	struct api_keys *same = keys_of(&a, &b), *other = keys_of(&b, &a);
	assert_true(api_keys_same(keys, same));
	assert_false(api_keys_same(keys, other));
	api_keys_release(&same);
	api_keys_release(&other);
	api_keys_release(&keys);
	assert_string_equal(principal_subject(p), "key:a-old"); /* still ours */
	principal_unref(&p);
	made_free(&a);
	made_free(&b);
}

static void keeps_to_the_clock(void **state)
{
	(void)state;
	struct made a = make("a", "ada", 1700000000);
	struct made b = make("b", NULL, INT64_MAX);
	struct api_keys *keys = keys_of(&a, &b);
	struct principal *p;
	assert_int_equal(
	    api_keys_find(keys, a.key.data, a.key.len, NOW - 1, &p),
	    API_KEYS_OK);
	principal_unref(&p);
	assert_int_equal(api_keys_find(keys, a.key.data, a.key.len, NOW, &p),
	    API_KEYS_EXPIRED);
	assert_int_equal(
	    api_keys_find(keys, b.key.data, b.key.len, INT64_MAX, &p),
	    API_KEYS_OK);
	principal_unref(&p);
	api_keys_release(&keys);
	made_free(&a);
	made_free(&b);
}

#define S43 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const struct {
	const char *key;
	enum api_keys_fault fault;
} others[] = {
    {"", API_KEYS_MALFORMED},
    {"slk_", API_KEYS_MALFORMED},
    {"slk__" S43, API_KEYS_MALFORMED},
    {"slk_a", API_KEYS_MALFORMED},
    {"slk_a" S43, API_KEYS_MALFORMED},
    {"slk_a_" S43 "A", API_KEYS_MALFORMED},
    {"slk_a_b_" S43, API_KEYS_MALFORMED},
    {"slk_A_" S43, API_KEYS_MALFORMED},
    {"SLK_a_" S43, API_KEYS_MALFORMED},
    {"sk_a_" S43, API_KEYS_MALFORMED},
    {"slk_"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_" S43,
	API_KEYS_MALFORMED},
    {"slk_c_" S43, API_KEYS_UNKNOWN},
    {"slk_a_" S43, API_KEYS_WRONG},
    {"slk_a_" S43, API_KEYS_WRONG},
};

static void refuses_other_keys(void **state)
{
	(void)state;
	struct made a = make("a", NULL, INT64_MAX);
	struct made b = make("b", NULL, INT64_MAX);
	struct api_keys *keys = keys_of(&a, &b);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_int_equal(find(keys, others[i].key), others[i].fault);
	/* The secret of a with the id of b, and each changed character. */
	memcpy(b.key.data + 6, a.key.data + 6, 43);
	assert_int_equal(find(keys, b.key.data), API_KEYS_WRONG);
	for (size_t i = 0; i < a.key.len; i++) {
		char was = a.key.data[i];
		a.key.data[i] = was == 'x' ? 'y' : 'x';
		assert_int_not_equal(find(keys, a.key.data), API_KEYS_OK);
		a.key.data[i] = was;
	}
	assert_int_equal(find(keys, a.key.data), API_KEYS_OK);
	api_keys_release(&keys);
	made_free(&a);
	made_free(&b);
}

/* An empty file of keys is fine: it takes none. */
static void takes_certificates(void **state)
{
	static const char text[] =
	    KEYS("{\"id\":\"a\",\"certificate\":\"CN=a,O=acme\"," GOOD "},"
		 "{\"id\":\"b\",\"certificate\":\"DNS:b.acme\",\"subject\":"
		 "\"bea\"," GOOD ",\"expires\":\"2001-01-01T00:00:00Z\"}");
	static const char *const a[] = {"CN=other", "CN=a,O=acme"};
	static const char *const b[] = {"CN=b", "DNS:b.acme"};
	static const char *const near_to_a[] = {"CN=a", "CN=a,O=acme,C=x", ""};
	struct api_keys *keys;
	struct principal *p;
	(void)state;
	assert_int_equal(
	    api_keys_parse(text, strlen(text), false, &keys).kind, ERR_KIND_OK);
	assert_int_equal(
	    api_keys_find_certificate(keys, a, 2, NOW, &p), API_KEYS_OK);
	assert_int_equal(p->kind, PRINCIPAL_CERTIFICATE);
	assert_int_equal(p->roles, editor);
	assert_string_equal(principal_subject(p), "certificate:a");
	principal_unref(&p);
	assert_int_equal(api_keys_find_certificate(keys, near_to_a, 3, NOW, &p),
	    API_KEYS_UNKNOWN);
	assert_null(p);
	assert_int_equal(
	    api_keys_find_certificate(keys, b, 2, NOW, &p), API_KEYS_EXPIRED);
	assert_int_equal(
	    api_keys_find_certificate(keys, b, 2, CLOCK_S(900000000), &p),
	    API_KEYS_OK);
	assert_string_equal(principal_subject(p), "bea");
	principal_unref(&p);
	/* It is no key. */
	static const char key[] =
	    "slk_a_0123456789012345678901234567890123456789012";
	assert_int_equal(
	    api_keys_find(keys, key, strlen(key), NOW, &p), API_KEYS_UNKNOWN);
	api_keys_release(&keys);
}

static void may_be_empty(void **state)
{
	(void)state;
	struct api_keys *keys;
	assert_int_equal(api_keys_parse("{\"keys\":[]}", 11, false, &keys).kind,
	    ERR_KIND_OK);
	assert_int_equal(find(keys, "slk_a_" S43), API_KEYS_UNKNOWN);
	struct api_keys *again = api_keys_hold(keys);
	api_keys_release(&keys);
	assert_int_equal(api_keys_count(again), 0);
	api_keys_release(&again);
}

static void may_have_any_roles(void **state)
{
	(void)state;
	static const char text[] = KEY("\"roles\":[\"other\",\"reader\"]");
	struct api_keys *keys;
	assert_int_equal(
	    api_keys_parse(text, sizeof text - 1, true, &keys).kind,
	    ERR_KIND_OK);
	assert_int_equal(api_keys_count(keys), 1);
	api_keys_release(&keys);
}

static void names_the_file(void **state)
{
	(void)state;
	char path[] = "/tmp/sluice-keys-XXXXXX";
	struct buf expected = {0};
	struct api_keys *keys;
	FILE *f = fdopen(mkstemp(path), "w");
	assert_non_null(f);
	fputs(KEYS("{\"id\":\"A\"}"), f);
	fclose(f);
	struct err e = api_keys_load(path, false, &keys);
	buf_printf(&expected, "%s: keys[0].id: must be a string", path);
	assert_memory_equal(e.msg, expected.data, expected.len);
	unlink(path);
	e = api_keys_load(path, false, &keys);
	assert_non_null(strstr(e.msg, "No such file or directory"));
	assert_null(keys);
	buf_free(&expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(says_what_is_wrong),
	    cmocka_unit_test(bounds_the_keys),
	    cmocka_unit_test(makes_an_entry),
	    cmocka_unit_test(takes_several_keys),
	    cmocka_unit_test(keeps_to_the_clock),
	    cmocka_unit_test(refuses_other_keys),
	    cmocka_unit_test(takes_certificates),
	    cmocka_unit_test(may_be_empty),
	    cmocka_unit_test(may_have_any_roles),
	    cmocka_unit_test(names_the_file),
	};
	return cmocka_run_group_tests(tests, grant_roles, NULL);
}
