#include "common/postgres/sqlstate.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *code;
	enum err_kind kind;
} rows[] = {
#define SQLSTATE(code, kind, text) {code, ERR_KIND_##kind},
#include "common/postgres/sqlstate.def"
#undef SQLSTATE
};

static const enum err_kind *sqlstate_find(const char *code, size_t len)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (strlen(rows[i].code) == len &&
		    strncmp(rows[i].code, code, len) == 0)
			return &rows[i].kind;
	}
	return NULL;
}

enum err_kind sqlstate_kind(const char *code)
{
	const enum err_kind *v = NULL;
	if (strlen(code) == 5)
		v = sqlstate_find(code, 5);
	if (v == NULL && strlen(code) >= 2)
		v = sqlstate_find(code, 2);
	return v ? *v : ERR_KIND_RETRY;
}

bool sqlstate_is_unmigrated(const char *code)
{
	return strncmp(code, "42", 2) == 0 || strncmp(code, "3F", 2) == 0;
}
