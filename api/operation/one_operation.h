/* One operation on a document, as a client writes it: an element of an atomic
 * batch (api/batch/batch_body.h), or a line of a bulk of operations
 * (api/bulk/bulk.h). Pure core, but for defaults that are made for each
 * document.
 *
 * First one_operation_read: what does it mean? Then the caller checks what the
 * client may do, and may replace the document. Then one_operation_validate: is
 * the document valid? Every fault names the member that is at fault.
 */
#pragma once

#include "api/write/validate.h"
#include "common/log/record.h"

struct one_operation {
	const struct collection *collection; /* NULL: a fault */
	struct buf id; /* collection/key; of a new key, `collection/` */
	size_t prefix; /* bytes in front of the key; 0: the key is at fault */
	enum record_op op;
	bool creates; /* its op is `create` */
	bool good;    /* nothing of it is at fault */
	enum record_condition condition;
	struct buf versions;
	struct jsonslice document; /* none for a delete; borrows from the text,
				    * or from `filled` */
	struct buf filled;
	struct buf idempotency_key; /* of a line; empty: none */
	/* Set by the caller: the row must have this owner. */
	struct record_text owner_field, owner;
};

/* Reads a value that was parsed and has no duplicate members; borrows it. Adds
 * what is wrong with it to the faults, with pointers in the operation.
 * `of`: a line of a bulk, all of whose operations are on this collection; it
 * may have an idempotency_key, and a create may have no key. NULL: of a batch;
 * it names its collection, which must have groups, and its key.
 * Call one_operation_free also if it is not good. */
void one_operation_read(struct one_operation *o, const struct collection *of,
    struct jsonslice value, struct violations *faults);
/* Validates the document of an operation that is good, fills in its defaults,
 * and takes the key of a create from it. INVALID: adds what is wrong to the
 * faults; `place` is the pointer to the document. TOO_LARGE: `why` says it.
 * `most`: the maximum size of a row's document. */
enum validity one_operation_validate(struct one_operation *o, const char *place,
    size_t most, struct violations *faults, char why[160]);
#define ONE_OPERATION_DOCUMENT "/document"
/* The length of its key; 0: it needs one. */
size_t one_operation_key_len(const struct one_operation *o);
/* What is appended to the log; borrows the operation. */
struct record_write one_operation_record(const struct one_operation *o);
void one_operation_free(struct one_operation *o);
