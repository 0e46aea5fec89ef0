/* Validates what may enter the log (pure core, but for defaults that are made
 * from the time or at random). Nothing that the collection's
 * declaration forbids is ever appended. Defaults are filled in before, so that
 * the log has complete documents.
 */
#pragma once

#include "api/core/problem.h"
#include "common/schema/collection.h"

#include <stdbool.h>
#include <stddef.h>

enum validity { VALID, NOT_JSON, INVALID, TOO_LARGE };

struct validation {
	enum validity validity;
	size_t offset; /* NOT_JSON: the offset at which it stops being JSON */
	char message[160];	      /* NOT_JSON, TOO_LARGE: the fault */
	struct violations violations; /* INVALID: at least one */
	/* VALID: the document with its defaults; empty: the document is as it
	 * came. */
	struct buf filled;
	/* VALID: the key that the document contains, in its canonical form;
	 * empty: it contains none. */
	struct buf key;
};

enum validate_as {
	VALIDATE_WHOLE,
	/* A merge patch (RFC 7396): members to set, and null for members to
	 * remove. */
	VALIDATE_PATCH,
	/* {"field": number to add}, with at least one field. */
	VALIDATE_INCREMENT,
};

/* Parses a text that must be one JSON value without duplicate members. False:
 * it is not, and *out is NOT_JSON. */
bool validate_parse(const char *body, size_t len, struct jsonslice *value,
    struct validation *out);

/* Validates a document of the collection with this key. `key` NULL: the
 * document may contain one. */
void validate_document(const struct collection *c, enum validate_as as,
    const char *key, size_t key_len, const char *body, size_t len,
    struct validation *out);
/* The same for a value that was parsed and has no duplicate members. */
void validate_value(const struct collection *c, enum validate_as as,
    const char *key, size_t key_len, struct jsonslice value,
    struct validation *out);

/* Turns VALID into TOO_LARGE if the document of the row would have more than
 * `most` bytes. Of a patch, only the bytes that it brings are known; of an
 * increment, none. The body must be the one that was validated. */
void validate_size(const struct collection *c, enum validate_as as,
    size_t key_len, const char *body, size_t len, size_t most,
    struct validation *v);

/* Validates the reference system's {"key":…,"value":…} for a collection such as
 * records. If VALID, `key` is set, and `filled` is the document. */
void validate_seed_write(const struct collection *c, const char *body,
    size_t len, struct validation *out);

void validation_free(struct validation *v);
