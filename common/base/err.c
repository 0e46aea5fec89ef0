#include "common/base/err.h"

#include <stdarg.h>
#include <stdio.h>

struct err err_make(enum err_kind kind, const char *code, const char *fmt, ...)
{
	struct err e = {.kind = kind};
	snprintf(e.code, sizeof e.code, "%s", code ? code : "");
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(e.msg, sizeof e.msg, fmt, ap);
	va_end(ap);
	return e;
}

const char *err_kind_name(enum err_kind kind)
{
	static const char *const names[] = {
	    "ok", "retry", "reject", "fenced", "fatal"};
	return names[kind];
}
