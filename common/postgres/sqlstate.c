#include "common/postgres/sqlstate.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *code;
	enum verdict verdict;
} rows[] = {
#define SQLSTATE(code, verdict, text) {code, VERDICT_##verdict},
#include "common/postgres/sqlstate.def"
#undef SQLSTATE
};

static const enum verdict *find(const char *code, size_t len)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (strlen(rows[i].code) == len &&
		    strncmp(rows[i].code, code, len) == 0)
			return &rows[i].verdict;
	}
	return NULL;
}

enum verdict sqlstate_verdict(const char *code)
{
	const enum verdict *v = NULL;
	if (strlen(code) == 5)
		v = find(code, 5);
	if (v == NULL && strlen(code) >= 2)
		v = find(code, 2);
	return v ? *v : VERDICT_RETRY;
}

bool sqlstate_is_unmigrated(const char *code)
{
	return strncmp(code, "42", 2) == 0 || strncmp(code, "3F", 2) == 0;
}
