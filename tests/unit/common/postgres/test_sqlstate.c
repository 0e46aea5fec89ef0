/* SQLSTATE to the kind of an error: codes before classes, RETRY for the
 * unknown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/postgres/sqlstate.h"

#include <string.h>

static const struct row {
	const char *code;
	enum err_kind kind;
	const char *text;
} rows[] = {
#define SQLSTATE(code, kind, text) {code, ERR_KIND_##kind, text},
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
			    sqlstate_kind(rows[i].code), rows[i].kind);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(rows[i].code, rows[k].code);
	}
}

/* A code that no row names has the kind of its class. */
static void classes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		if (strlen(rows[i].code) != 2)
			continue;
		char code[6] = {
		    rows[i].code[0], rows[i].code[1], 'Z', '9', '9'};
		assert_int_equal(sqlstate_kind(code), rows[i].kind);
	}
}

/* What must not change: these decide whether a write is thrown away. */
static void pinned(void **state)
{
	(void)state;
	static const struct row table[] = {
	    {"SL001", ERR_KIND_FENCED, "ours"},
	    {"SL002", ERR_KIND_RETRY, "ours, unknown"},
	    {"08006", ERR_KIND_RETRY, "connection failure"},
	    {"21000", ERR_KIND_REJECT, "cardinality violation"},
	    {"22P02", ERR_KIND_REJECT, "invalid text representation"},
	    {"22021", ERR_KIND_REJECT, "character not in repertoire"},
	    {"23505", ERR_KIND_REJECT, "unique violation"},
	    {"23502", ERR_KIND_REJECT, "not null violation"},
	    {"25006", ERR_KIND_RETRY, "read only"},
	    {"25P03", ERR_KIND_RETRY, "idle in transaction timeout"},
	    {"25P02", ERR_KIND_RETRY, "in failed transaction"},
	    {"27000", ERR_KIND_REJECT, "triggered data change"},
	    {"38000", ERR_KIND_REJECT, "external routine exception"},
	    {"38001", ERR_KIND_RETRY, "a routine that may not contain SQL"},
	    {"39P01", ERR_KIND_RETRY, "trigger protocol violated"},
	    {"40001", ERR_KIND_RETRY, "serialization failure"},
	    {"40P01", ERR_KIND_RETRY, "deadlock"},
	    {"42P01", ERR_KIND_RETRY, "undefined table"},
	    {"42501", ERR_KIND_RETRY, "insufficient privilege"},
	    {"53100", ERR_KIND_RETRY, "disk full"},
	    {"54000", ERR_KIND_REJECT, "program limit exceeded"},
	    {"53200", ERR_KIND_RETRY, "out of memory"},
	    {"55P03", ERR_KIND_RETRY, "lock timeout"},
	    {"57014", ERR_KIND_RETRY, "query cancelled"},
	    {"57P01", ERR_KIND_RETRY, "admin shutdown"},
	    {"P0001", ERR_KIND_REJECT, "raise exception"},
	    {"XX001", ERR_KIND_FATAL, "data corrupted"},
	    {"99999", ERR_KIND_RETRY, "no such class"},
	    {"", ERR_KIND_RETRY, "lost connection: no code"},
	    {"2", ERR_KIND_RETRY, "cut"},
	    {"23", ERR_KIND_REJECT, "a class alone"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_int_equal(sqlstate_kind(table[i].code), table[i].kind);
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
