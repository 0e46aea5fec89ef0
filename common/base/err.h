/* Errors carry a verdict: callers branch on it, never on text, and whoever
 * decides logs it, once.
 */
#pragma once

enum verdict {
	VERDICT_OK,
	VERDICT_RETRY,	/* the other side is away or busy: later, the same */
	VERDICT_REJECT, /* this input can never succeed */
	VERDICT_FENCED, /* somebody else owns the partition */
	VERDICT_FATAL,	/* an operator must act */
};

struct err {
	enum verdict verdict;
	char code[32]; /* SQLSTATE, Kafka's error name, errno's name */
	char msg[256]; /* for the log; never sent to a client */
};

#define ERR_OK ((struct err){.verdict = VERDICT_OK})

__attribute__((format(printf, 3, 4))) struct err err_make(
    enum verdict verdict, const char *code, const char *fmt, ...);
const char *err_verdict_name(enum verdict v);
