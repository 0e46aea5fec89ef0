/* What may enter the log (pure core). Nothing that the collection's
 * declaration forbids is ever appended, and what its defaults say is filled in
 * before: the log is complete.
 */
#pragma once

#include "api/core/problem.h"
#include "common/schema/collection.h"

#include <stdbool.h>
#include <stddef.h>

enum validity { VALID, NOT_JSON, INVALID, TOO_LARGE };

struct validation {
	enum validity validity;
	size_t offset;	   /* NOT_JSON: the byte where it ends being JSON */
	char message[160]; /* NOT_JSON, TOO_LARGE: what is wrong */
	struct violations violations; /* INVALID: at least one */
	/* VALID: the document with its defaults; empty: as it came. */
	struct buf filled;
	/* VALID: the key that the document names itself, in its one form;
	 * empty: it names none. */
	struct buf key;
};

enum validate_as {
	VALIDATE_WHOLE,
	/* A merge patch (RFC 7396): what it names, null to remove. */
	VALIDATE_PATCH,
	/* {"field": number to add}, at least one. */
	VALIDATE_INCREMENT,
};

/* A document of the collection, under that key; `key` NULL: it may name one
 * itself. */
void validate_document(const struct collection *c, enum validate_as as,
    const char *key, size_t key_len, const char *body, size_t len,
    struct validation *out);
/* The same of a value that was parsed, without members that stand twice. */
void validate_value(const struct collection *c, enum validate_as as,
    const char *key, size_t key_len, struct jsonslice value,
    struct validation *out);

/* What is VALID becomes TOO_LARGE if the row's document would have more than
 * `most` bytes. Of a patch only what it brings is known; of an increment,
 * nothing. The body is the one that was validated. */
void validate_size(const struct collection *c, enum validate_as as,
    size_t key_len, const char *body, size_t len, size_t most,
    struct validation *v);

/* The seed's {"key":…,"value":…}, of a collection like records: on VALID
 * `key` is set, and `filled` is the document. */
void validate_seed_write(const struct collection *c, const char *body,
    size_t len, struct validation *out);

void validation_free(struct validation *v);
