/* The script of --grants. What Postgres makes of it, and what each role can and
 * cannot do, is in tests/integration/access. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/declared.h"
#include "writer/commands/roles.h"

#include <string.h>

static const struct roles three = {"own", "write-rows", "read.rows"};

static void names(void **state)
{
	(void)state;
	struct roles r = three;
	static const char *const bad[] = {"", "a b", "a\"b", "a'b", "a$b",
	    "{reader}", "\xc3\xa4",
	    "a123456789b123456789c123456789d123456789"
	    "e123456789f123456789g123"};
	assert_int_equal(roles_check(&r).kind, ERR_KIND_OK);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		r = three;
		r.reader = bad[i];
		struct err e = roles_check(&r);
		assert_int_equal(e.kind, ERR_KIND_FATAL);
		assert_non_null(strstr(e.msg, "role.reader"));
	}
	r = (struct roles){"sluice", "service@project.iam", "R-2"};
	assert_int_equal(roles_check(&r).kind, ERR_KIND_OK);
}

static void has(const struct buf *b, const char *text)
{
	if (strstr(b->data, text) == NULL)
		print_error("%s\nis not in\n%s", text, b->data);
	assert_non_null(strstr(b->data, text));
}

static void script(void **state)
{
	(void)state;
	struct buf b = {0};
	(void)declared("records");
	roles_script(&b, &three);
	assert_null(strchr(b.data, '{'));
	has(&b, "ARRAY['own', 'write-rows', 'read.rows']");
	has(&b, "to_regclass('public.\"records\"')");
	has(&b, "to_regclass('public.\"posts\"'), "
		"to_regclass('public.\"posts_id_seq\"')");
	/* Of a role's password it says nothing but how to set one. */
	assert_null(strstr(strstr(b.data, "PASSWORD") + 1, "PASSWORD"));
	buf_free(&b);
}

static void rights(void **state)
{
	(void)state;
	struct buf b = {0};
	(void)declared("records");
	roles_rights(&b, &three);
	assert_null(strstr(b.data, "OWNER"));
	assert_null(strstr(b.data, "'own'"));
	has(&b, "      ('write-rows', 'SELECT, INSERT, UPDATE, DELETE', "
		"'TABLE', 'public.\"records\"'),\n"
		"      ('read.rows', 'SELECT', 'TABLE', 'public.\"records\"')");
	has(&b, ",\n      ('read.rows', 'USAGE, UPDATE', 'SEQUENCE', "
		"'public.\"posts_id_seq\"')");
	has(&b, "('read.rows', 'SELECT', 'TABLE', 'sluice.progress'),");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names),
	    cmocka_unit_test(script),
	    cmocka_unit_test(rights),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
