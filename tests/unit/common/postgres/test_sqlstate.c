/* SQLSTATE to verdict: codes before classes, RETRY for the unknown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/postgres/sqlstate.h"

#include <string.h>

static const struct row {
	const char *code;
	enum verdict verdict;
	const char *text;
} rows[] = {
#define SQLSTATE(code, verdict, text) {code, VERDICT_##verdict, text},
#include "common/postgres/sqlstate.def"
#undef SQLSTATE
};
enum { ROWS = sizeof rows / sizeof *rows };

static void every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		size_t len = strlen(rows[i].code);
		assert_true(len == 2 || len == 5);
		assert_true(rows[i].text[0] != '\0');
		if (len == 5)
			assert_int_equal(
			    sqlstate_verdict(rows[i].code), rows[i].verdict);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(rows[i].code, rows[k].code);
	}
}

/* A code that no row names has its class's verdict. */
static void classes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		if (strlen(rows[i].code) != 2)
			continue;
		char code[6] = {
		    rows[i].code[0], rows[i].code[1], 'Z', '9', '9'};
		assert_int_equal(sqlstate_verdict(code), rows[i].verdict);
	}
}

/* What must not change: these decide whether a write is thrown away. */
static void pinned(void **state)
{
	(void)state;
	static const struct row table[] = {
	    {"SL001", VERDICT_FENCED, "ours"},
	    {"SL002", VERDICT_RETRY, "ours, unknown"},
	    {"08006", VERDICT_RETRY, "connection failure"},
	    {"21000", VERDICT_REJECT, "cardinality violation"},
	    {"22P02", VERDICT_REJECT, "invalid text representation"},
	    {"22021", VERDICT_REJECT, "character not in repertoire"},
	    {"23505", VERDICT_REJECT, "unique violation"},
	    {"23502", VERDICT_REJECT, "not null violation"},
	    {"25006", VERDICT_RETRY, "read only"},
	    {"25P03", VERDICT_RETRY, "idle in transaction timeout"},
	    {"25P02", VERDICT_RETRY, "in failed transaction"},
	    {"27000", VERDICT_REJECT, "triggered data change"},
	    {"38000", VERDICT_REJECT, "external routine exception"},
	    {"38001", VERDICT_RETRY, "a routine that may not contain SQL"},
	    {"39P01", VERDICT_RETRY, "trigger protocol violated"},
	    {"40001", VERDICT_RETRY, "serialization failure"},
	    {"40P01", VERDICT_RETRY, "deadlock"},
	    {"42P01", VERDICT_RETRY, "undefined table"},
	    {"42501", VERDICT_RETRY, "insufficient privilege"},
	    {"53100", VERDICT_RETRY, "disk full"},
	    {"54000", VERDICT_REJECT, "program limit exceeded"},
	    {"53200", VERDICT_RETRY, "out of memory"},
	    {"55P03", VERDICT_RETRY, "lock timeout"},
	    {"57014", VERDICT_RETRY, "query cancelled"},
	    {"57P01", VERDICT_RETRY, "admin shutdown"},
	    {"P0001", VERDICT_REJECT, "raise exception"},
	    {"XX001", VERDICT_FATAL, "data corrupted"},
	    {"99999", VERDICT_RETRY, "no such class"},
	    {"", VERDICT_RETRY, "lost connection: no code"},
	    {"2", VERDICT_RETRY, "cut"},
	    {"23", VERDICT_REJECT, "a class alone"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_int_equal(
		    sqlstate_verdict(table[i].code), table[i].verdict);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row),
	    cmocka_unit_test(classes),
	    cmocka_unit_test(pinned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
