/* Errors have a kind. Callers branch on the kind, never on the text. The
 * function that decides what to do about an error logs it, once.
 */
#pragma once

enum err_kind {
	ERR_KIND_OK,
	ERR_KIND_RETRY,	 /* the other side is away or busy: try again later */
	ERR_KIND_REJECT, /* this input can never succeed */
	ERR_KIND_FENCED, /* another writer owns the partition */
	ERR_KIND_FATAL,	 /* an operator must act */
};

struct err {
	enum err_kind kind;
	char code[32]; /* SQLSTATE, Kafka's error name, errno's name */
	char msg[256]; /* for the log; never sent to a client */
};

#define ERR_OK ((struct err){.kind = ERR_KIND_OK})

__attribute__((format(printf, 3, 4))) struct err err_make(
    enum err_kind kind, const char *code, const char *fmt, ...);
const char *err_kind_name(enum err_kind kind);
