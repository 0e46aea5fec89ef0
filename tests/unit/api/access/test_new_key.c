/* --new-key: what it makes is taken as a key, and every wrong argument is
 * named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/access/new_key.h"
#include "common/daemon/daemon.h"

#include <string.h>

#define NOW CLOCK_S(1700000000)

static const unsigned char ones[API_KEYS_RANDOM] = {1, 1, 1, 1};

static void option(struct new_key *k, const char *name, const char *value)
{
	struct daemon_option options[NEW_KEY_OPTIONS];
	new_key_options(k, options);
	for (int i = 0; i < NEW_KEY_OPTIONS; i++) {
		if (strcmp(options[i].name, name) == 0)
			options[i].take(options[i].arg, value);
	}
}

static void makes_a_key(void **state)
{
	(void)state;
	struct new_key k = {0};
	struct buf key = {0}, json = {0}, text = {0};
	struct api_keys *keys;
	struct principal *p;
	role_set editor = 0;
	roles_forget();
	roles_grant(&editor, "editor", 6);
	option(&k, "new-key", "ci");
	option(&k, "role", "editor");
	option(&k, "role", "reader");
	option(&k, "subject", "ada \"l\"");
	option(&k, "expires", "90d");
	assert_int_equal(
	    new_key_make(&k, NOW, ones, &key, &json).kind, ERR_KIND_OK);
	buf_printf(&text, "{\"keys\":[%s]}", json.data);
	assert_int_equal(
	    api_keys_parse(text.data, text.len, true, &keys).kind, ERR_KIND_OK);
	assert_int_equal(
	    api_keys_find(keys, key.data, key.len, NOW, &p), API_KEYS_OK);
	assert_string_equal(principal_subject(p), "ada \"l\"");
	assert_true(p->roles == editor);
	assert_int_equal(p->expires, 1700000000 + 90 * 86400);
	principal_unref(&p);
	api_keys_release(&keys);
	buf_free(&key);
	buf_free(&json);
	buf_free(&text);
}

static const struct {
	const char *name, *role, *subject, *expires, *message;
} wrong[] = {
    {"a_b", "r", NULL, NULL, "argument '--new-key' has the bad value 'a_b'"},
    {"", "r", NULL, NULL, "argument '--new-key' has the bad value ''"},
    {"a", NULL, NULL, NULL, "argument '--new-key': needs --role ROLE"},
    {"a", "R", NULL, NULL, "argument '--role' has the bad value 'R'"},
    {"a", "", NULL, NULL, "argument '--role' has the bad value ''"},
    {"a", "r", "", NULL, "argument '--subject' has the bad value ''"},
    {"a", "r", "\xff", NULL, "argument '--subject' has the bad value"},
    {"a", "r", NULL, "soon", "argument '--expires' has the bad value 'soon'"},
    {"a", "r", NULL, "0s", "argument '--expires' has the bad value '0s'"},
    {"a", "r", NULL, "-1d", "argument '--expires' has the bad value '-1d'"},
    {"a", "r", NULL, "36501d", "argument '--expires' has the bad value"},
};

static void names_wrong_arguments(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct new_key k = {0};
		struct buf key = {0}, json = {0};
		option(&k, "new-key", wrong[i].name);
		if (wrong[i].role)
			option(&k, "role", wrong[i].role);
		k.subject = wrong[i].subject;
		k.expires = wrong[i].expires;
		struct err e = new_key_make(&k, NOW, ones, &key, &json);
		assert_int_equal(e.kind, ERR_KIND_FATAL);
		assert_memory_equal(
		    e.msg, wrong[i].message, strlen(wrong[i].message));
		assert_null(key.data);
	}
}

static void is_needed_by_the_others(void **state)
{
	(void)state;
	static const char *const names[] = {"role", "subject", "expires"};
	for (int i = 0; i < 3; i++) {
		struct new_key k = {0};
		struct buf expected = {0};
		assert_int_equal(new_key_check_alone(&k).kind, ERR_KIND_OK);
		option(&k, names[i], "x");
		buf_printf(&expected,
		    "argument '--%s': only with --new-key (--help)", names[i]);
		assert_string_equal(new_key_check_alone(&k).msg, expected.data);
		option(&k, "new-key", "a");
		assert_int_equal(new_key_check_alone(&k).kind, ERR_KIND_OK);
		buf_free(&expected);
	}
}

static void bounds_the_roles(void **state)
{
	(void)state;
	struct new_key k = {0};
	struct buf key = {0}, json = {0};
	option(&k, "new-key", "a");
	for (int i = 0; i <= NEW_KEY_ROLES_MOST; i++)
		option(&k, "role", "r");
	struct err e = new_key_make(&k, NOW, ones, &key, &json);
	assert_string_equal(
	    e.msg, "argument '--new-key': needs --role ROLE, at most 64 times");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(makes_a_key),
	    cmocka_unit_test(names_wrong_arguments),
	    cmocka_unit_test(is_needed_by_the_others),
	    cmocka_unit_test(bounds_the_roles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
