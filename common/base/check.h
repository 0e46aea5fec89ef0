/* Assertions that stay on in production.
 *
 * CHECK states an invariant; UNREACHABLE a branch that cannot be taken;
 * CHECK_OS a system call that must succeed. Each prints where and what, then
 * the last log lines (common/base/log.h keeps a ring of them), and aborts: a
 * wrong state is never carried on with.
 */
#pragma once

_Noreturn void check_failed(const char *file, int line, const char *what);

#define CHECK(cond) ((cond) ? (void)0 : check_failed(__FILE__, __LINE__, #cond))
#define UNREACHABLE(text) check_failed(__FILE__, __LINE__, text)
#define CHECK_OS(call)                                                         \
	((call) == 0 ? (void)0 : check_failed(__FILE__, __LINE__, #call))
