#include "writer/batch/batch_error.h"

#include "common/sql/bookkeeping.h"

#include <string.h>

#define LONG CLOCK_S(30)

static bool has_code(const struct err *e, const char *code)
{
	return strcmp(e->code, code) == 0;
}

/* A class of codes begins with the same characters. */
static bool is_in_class(const struct err *e, const char *class)
{
	return strncmp(e->code, class, strlen(class)) == 0;
}

bool batch_error_is_of_server(const struct err *e)
{
	return is_in_class(e, "08") || is_in_class(e, "57P") ||
	       has_code(e, "25006");
}

bool batch_error_is_too_much(const struct err *e, dur_us_t took)
{
	return has_code(e, "57014") || has_code(e, "53200") || took > LONG;
}

bool batch_error_is_key_taken(const char *constraint)
{
	return strcmp(constraint, BOOKKEEPING_KEY_TAKEN) == 0;
}

bool batch_error_is_reference(const struct err *e)
{
	return has_code(e, "23503");
}

bool batch_error_is_duplicate(const struct err *e, const char *constraint)
{
	return has_code(e, "23505") && !batch_error_is_key_taken(constraint);
}
