/* The table of what SIGHUP reloads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/daemon/reload.h"

#include <string.h>

static struct {
#define METRIC(kind, field, name, labels, help) METRIC_FIELD_##kind(field)
#include "common/daemon/metrics.def"
#undef METRIC
} metrics;

/* What the thing says the next time, and how often it was asked. */
struct told {
	const char *error; /* NULL: none */
	bool changed;
	int asked;
};

static struct err tell(void *arg, bool *changed)
{
	struct told *t = arg;
	assert_false(*changed);
	t->asked++;
	*changed = t->changed;
	return t->error ? err_make(ERR_KIND_FATAL, "config", "%s", t->error)
			: ERR_OK;
}

static void counts(int done, int unchanged, int failed, int stale)
{
	assert_int_equal(metric_get(&metrics.reload_done), done);
	assert_int_equal(metric_get(&metrics.reload_unchanged), unchanged);
	assert_int_equal(metric_get(&metrics.reload_failed), failed);
	assert_int_equal(metric_get(&metrics.reload_stale), stale);
}

static void notes(const struct reload *r, const char *text)
{
	struct buf b = {0};
	reload_notes(r, &b);
	assert_string_equal(b.data ? b.data : "", text);
	buf_free(&b);
}

static void each_thing_has_its_result(void **state)
{
	(void)state;
	struct reload *r = reload_new(RELOAD_COUNTERS(&metrics));
	struct told a = {NULL, true, 0}, b = {NULL, false, 0},
		    c = {"the file 'x': gone\nmore", false, 0};
	reload_all(r);
	counts(0, 0, 0, 0);
	reload_add(r, "a", tell, &a);
	reload_add(r, "b", tell, &b);
	reload_add(r, "c", tell, &c);
	notes(r, "");
	reload_all(r);
	counts(1, 1, 1, 1);
	notes(r, "note: the reload of c failed, the former one is in use: "
		 "the file 'x': gone\n");
	/* One that fails does not keep the others from being read. */
	b.error = "bad";
	reload_all(r);
	counts(2, 1, 3, 2);
	assert_int_equal(a.asked, 2);
	assert_int_equal(c.asked, 2);
	/* What was taken later is noted no more. */
	b.error = c.error = NULL;
	reload_all(r);
	counts(3, 3, 3, 0);
	notes(r, "");
	reload_free(&r);
	assert_null(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_thing_has_its_result),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
