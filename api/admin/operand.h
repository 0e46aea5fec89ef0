/* What a purge or an inspection is about: all collections, one, or one key. */
#pragma once

#include "api/core/problem.h"
#include "common/base/buf.h"
#include "common/http/path.h"
#include "common/log/keyspace.h"
#include "common/schema/collection.h"

struct operand {
	const struct collection *collection; /* NULL: all collections */
	char *id; /* owned: collection/key, or "collection/", or "" */
	size_t id_len;
	const char *key; /* inside id; NULL: no key */
	size_t key_len;
	struct key_slot slot; /* only if there is a key */
	/* The id of the request, for the log; borrowed until it is answered. */
	const char *request;
};

enum operand_fault { OPERAND_OK, OPERAND_NO_COLLECTION, OPERAND_NO_KEY };

/* Takes the collection and the key of a path; NULL: the path has none. *out is
 * empty if there is a fault; otherwise free it with operand_free. */
enum operand_fault operand_take(struct operand *out,
    const struct path_segment *name, const struct path_segment *key,
    int32_t partitions);
/* Of a fault. */
enum problem operand_problem(enum operand_fault fault);
const char *operand_fault_text(enum operand_fault fault);
/* Frees what the operand owns. */
void operand_free(struct operand *o);

/* What an operation on an operand calls when it is done: a status, and JSON
 * that is taken. */
typedef void (*operand_done)(void *arg, unsigned status, struct buf *body);
