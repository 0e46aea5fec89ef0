/* Rights: who may use which verb, and on whose documents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/access/rights.h"
#include "common/schema/declare.h"

#include <string.h>

static struct declaration *shop;
static struct rights service;

static int start(void **state)
{
	static const char text[] =
	    "{\"name\":\"shop\",\"key\":{\"type\":\"string\"},"
	    "\"fields\":{\"owner\":{\"type\":\"string\",\"maxLength\":40}},"
	    "\"required\":[\"owner\"],"
	    "\"list\":{\"filter\":[\"owner\"]},"
	    "\"access\":{\"anonymous\":[\"read\"],"
	    "\"authenticated\":[\"changes\"],"
	    "\"customer\":[\"list\",\"update\"],"
	    "\"editor\":[\"list\",\"delete\"]},"
	    "\"owner\":{\"field\":\"owner\",\"for\":[\"customer\"]}}";
	struct declare_fault fault;
	(void)state;
	shop = declare(text, strlen(text), "shop", &fault);
	return shop &&
		       rights_grant(
			   &service, VERB_docs, "access.docs", "authenticated")
			       .kind == ERR_KIND_OK &&
		       rights_grant(
			   &service, VERB_page, "access.page", "anonymous")
			       .kind == ERR_KIND_OK &&
		       rights_grant(&service, VERB_purge, "access.purge",
			   "operator, editor")
			       .kind == ERR_KIND_OK
		   ? 0
		   : -1;
}

static int end(void **state)
{
	(void)state;
	declaration_free(&shop);
	return 0;
}

#define N RIGHT_NONE
#define O RIGHT_OWN
#define A RIGHT_ALL

/* A principal with these roles, and what it may do. */
static const struct {
	const char *what;
	enum principal_kind kind;
	const char *roles, *subject;
	enum right read, list, changes, update, delete, create;
	bool docs, page, purge;
} cases[] = {
    {"nobody", PRINCIPAL_ANONYMOUS, "", NULL, A, N, N, N, N, N, 0, 1, 0},
    {"no role", PRINCIPAL_JWT, "", "x", A, N, A, N, N, N, 1, 1, 0},
    {"unknown role", PRINCIPAL_JWT, "king", "x", A, N, A, N, N, N, 1, 1, 0},
    {"customer", PRINCIPAL_JWT, "customer", "x", A, O, A, O, N, N, 1, 1, 0},
    {"no subject", PRINCIPAL_KEY, "customer", NULL, A, N, A, N, N, N, 1, 1, 0},
    {"editor", PRINCIPAL_KEY, "editor", "x", A, A, A, N, A, N, 1, 1, 1},
    {"both", PRINCIPAL_KEY, "editor customer", "x", A, A, A, O, A, N, 1, 1, 1},
    {"operator", PRINCIPAL_CERTIFICATE, "operator", "x", A, N, A, N, N, N, 1, 1,
	1},
};

static void who_may_do_what(void **state)
{
	const struct collection *c = declaration_collection(shop);
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct principal *p = principal_new(
		    cases[i].kind, roles_of_list(cases[i].roles), INT64_MAX);
		if (cases[i].subject)
			principal_claim(
			    p, 0, cases[i].subject, strlen(cases[i].subject));
		print_message("%s\n", cases[i].what);
		assert_int_equal(rights_on(c, VERB_read, p), cases[i].read);
		assert_int_equal(rights_on(c, VERB_list, p), cases[i].list);
		assert_int_equal(
		    rights_on(c, VERB_changes, p), cases[i].changes);
		assert_int_equal(rights_on(c, VERB_update, p), cases[i].update);
		assert_int_equal(rights_on(c, VERB_delete, p), cases[i].delete);
		assert_int_equal(rights_on(c, VERB_create, p), cases[i].create);
		assert_int_equal(
		    rights_of_service(&service, VERB_docs, p), cases[i].docs);
		assert_int_equal(
		    rights_of_service(&service, VERB_page, p), cases[i].page);
		assert_int_equal(
		    rights_of_service(&service, VERB_purge, p), cases[i].purge);
		assert_false(rights_of_service(&service, VERB_stats, p));
		principal_unref(&p);
	}
}

static void settings_with_faults(void **state)
{
	(void)state;
	struct rights r = {{0}};
	struct err e = rights_grant(&r, VERB_stats, "access.stats", "Boss");
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_non_null(strstr(e.msg, "'access.stats'"));
	assert_non_null(strstr(e.msg, "'Boss'"));
	e = rights_grant(&r, VERB_stats, "access.stats", "");
	assert_int_equal(e.kind, ERR_KIND_OK);
	assert_int_equal(r.service[VERB_stats], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_may_do_what),
	    cmocka_unit_test(settings_with_faults),
	};
	return cmocka_run_group_tests(tests, start, end);
}
