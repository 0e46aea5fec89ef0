#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/http/origin_check.h"

#include <string.h>

static const struct origin_rules admin = {.hosts = "", .needs_mark = true};

static bool host_is_ours(const char *host)
{
	const struct origin_check g = {.method = "GET", .host = host};
	const struct origin_rules rules = {
	    .hosts = "admin.example, sluice-api"};
	return origin_check(&g, &rules) == ORIGIN_OK;
}

static void hosts(void **state)
{
	(void)state;
	static const char *const ours[] = {NULL, "127.0.0.1", "127.0.0.1:8081",
	    "10.2.3.4:1", "[::1]", "[::1]:8081", "[fe80::1]:80", "localhost",
	    "LocalHost:8081", "admin.example", "ADMIN.example:80",
	    "sluice-api:8081", "127.0.0.1 ", "localhost:8081 \t"};
	static const char *const others[] = {"", "evil.example",
	    "evil.example:8081", "localhost.evil.example",
	    "127.0.0.1.evil.example", "127.0.0.1:8081.evil", "[::1", "[::1]x",
	    "::1", "[evil]", "[admin.example]", "[127.0.0.1]", "[]", ":8081",
	    "admin.example.evil", "api", "127.0.0.1 x", "localhost: 8081x",
	    "0x7f.1", "2130706433"};
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		assert_true(host_is_ours(ours[i]));
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_false(host_is_ours(others[i]));
	const struct origin_rules any = {.any_host = true};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_int_equal(
		    origin_check(&(struct origin_check){.method = "GET",
				     .host = others[i]},
			&any),
		    ORIGIN_OK);
	char longest[1000];
	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_false(host_is_ours(longest));
}

static void origins(void **state)
{
	(void)state;
	struct origin_check g = {.method = "GET", .host = "127.0.0.1:8081"};
	static const char *const foreign[] = {"null", "", "http://evil.example",
	    "http://127.0.0.1", "http://127.0.0.1:8080",
	    "http://127.0.0.1:8081x", "ftp://127.0.0.1:8081", "127.0.0.1:8081"};
	assert_false(origin_check_is_foreign(&g));
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
		g.origin = foreign[i];
		assert_true(origin_check_is_foreign(&g));
		assert_int_equal(origin_check(&g, &admin), ORIGIN_FOREIGN);
	}
	g.origin = "http://127.0.0.1:8081";
	assert_false(origin_check_is_foreign(&g));
	g.origin = "HTTPS://127.0.0.1:8081";
	assert_false(origin_check_is_foreign(&g));
	g.host = NULL;
	assert_true(origin_check_is_foreign(&g));
}

static void sites(void **state)
{
	(void)state;
	struct origin_check g = {.method = "GET", .host = "localhost"};
	g.fetch_site = "cross-site";
	assert_true(origin_check_is_foreign(&g));
	g.fetch_site = "Same-Site";
	assert_true(origin_check_is_foreign(&g));
	g.fetch_site = "same-origin";
	assert_false(origin_check_is_foreign(&g));
	g.fetch_site = "none";
	assert_false(origin_check_is_foreign(&g));
}

static void what_changes_something(void **state)
{
	(void)state;
	static const char *const methods[] = {
	    "POST", "DELETE", "PUT", "PATCH", "NONSENSE"};
	static const char *const simple[] = {NULL, "text/plain",
	    "application/x-www-form-urlencoded",
	    "multipart/form-data; boundary=json", "text/plain;application/json",
	    "application/jsonx"};
	static const char *const json[] = {"application/json",
	    "application/json; charset=utf-8", "Application/vnd.x+JSON"};
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
		struct origin_check g = {
		    .method = methods[i], .host = "localhost"};
		for (size_t t = 0; t < sizeof simple / sizeof *simple; t++) {
			g.content_type = simple[t];
			assert_int_equal(
			    origin_check(&g, &admin), ORIGIN_UNMARKED);
		}
		for (size_t t = 0; t < sizeof json / sizeof *json; t++) {
			g.content_type = json[t];
			assert_int_equal(origin_check(&g, &admin), ORIGIN_OK);
		}
		g.content_type = NULL;
		g.mark = "1";
		assert_int_equal(origin_check(&g, &admin), ORIGIN_OK);
		g.origin = "http://evil.example";
		assert_int_equal(origin_check(&g, &admin), ORIGIN_FOREIGN);
	}
	static const char *const reads[] = {"GET", "HEAD", "OPTIONS"};
	for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
		const struct origin_check g = {
		    .method = reads[i], .host = "localhost"};
		assert_int_equal(origin_check(&g, &admin), ORIGIN_OK);
	}
}

/* The public listener: pages may read, and those that are named may write. */
static void pages_that_may(void **state)
{
	(void)state;
	static const struct {
		const char *origins, *method, *origin, *site;
		enum origin_fault fault;
	} rows[] = {
	    {"", "POST", NULL, NULL, ORIGIN_OK},
	    {"", "POST", NULL, "cross-site", ORIGIN_FOREIGN},
	    {"", "POST", "https://a.example", NULL, ORIGIN_FOREIGN},
	    {"", "POST", "null", NULL, ORIGIN_FOREIGN},
	    {"", "GET", "https://a.example", "cross-site", ORIGIN_OK},
	    {"", "HEAD", "https://a.example", NULL, ORIGIN_OK},
	    {"", "OPTIONS", "https://a.example", NULL, ORIGIN_OK},
	    {"https://a.example", "PUT", "https://a.example", "cross-site",
		ORIGIN_OK},
	    {"https://b.example, https://a.example", "DELETE",
		"https://a.example", "same-site", ORIGIN_OK},
	    {"https://a.example", "PUT", "https://a.example.evil", NULL,
		ORIGIN_FOREIGN},
	    {"https://a.example", "PUT", "http://a.example", NULL,
		ORIGIN_FOREIGN},
	    {"https://a.example", "PUT", "https://a.example:444", NULL,
		ORIGIN_FOREIGN},
	    {"https://a.example", "PUT", "*", NULL, ORIGIN_FOREIGN},
	    {"https://a.example", "PUT", NULL, "cross-site", ORIGIN_FOREIGN},
	    {"*", "PUT", "https://a.example", "cross-site", ORIGIN_OK},
	    {"*", "PUT", "null", NULL, ORIGIN_OK},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct origin_check g = {
		    .method = rows[i].method,
		    .host = "localhost:8080",
		    .origin = rows[i].origin,
		    .fetch_site = rows[i].site,
		};
		const struct origin_rules rules = {
		    .hosts = "",
		    .origins = rows[i].origins,
		    .foreign_reads = true,
		};
		assert_int_equal(origin_check(&g, &rules), rows[i].fault);
	}
	const struct origin_check rebound = {
	    .method = "GET", .host = "evil.example"};
	const struct origin_rules all = {.hosts = "", .origins = "*"};
	assert_int_equal(origin_check(&rebound, &all), ORIGIN_HOST);
}

static void lists_of_names(void **state)
{
	(void)state;
	assert_true(origin_check_check_hosts(""));
	assert_true(origin_check_check_hosts("a.example, b-1,c_2"));
	assert_false(origin_check_check_hosts("http://a"));
	assert_false(origin_check_check_hosts("a:8081"));
	assert_false(origin_check_check_hosts("*"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hosts),
	    cmocka_unit_test(origins),
	    cmocka_unit_test(sites),
	    cmocka_unit_test(what_changes_something),
	    cmocka_unit_test(pages_that_may),
	    cmocka_unit_test(lists_of_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
