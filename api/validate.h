/* What may enter the log (pure core). Nothing that the collection's
 * declaration forbids is ever appended.
 */
#pragma once

#include "api/problem.h"
#include "common/collection.h"

#include <stdbool.h>
#include <stddef.h>

enum validity { VALID, NOT_JSON, INVALID };

struct validation {
	enum validity validity;
	size_t offset;	   /* NOT_JSON: the byte where it ends being JSON */
	char message[160]; /* NOT_JSON: what is wrong there */
	struct violations violations; /* INVALID: at least one */
};

/* 1 to 255 bytes of UTF-8 without NUL. Adds a violation otherwise. */
bool validate_key(const char *key, size_t len, struct violations *out);

enum validate_as {
	VALIDATE_WHOLE,
	/* A merge patch (RFC 7396): what it names, null to remove. */
	VALIDATE_PATCH,
	/* {"field": number to add}, at least one. */
	VALIDATE_INCREMENT,
};

/* A document of the collection, under that key. Free the violations. */
void validate_document(const struct collection *c, enum validate_as as,
    const char *key, size_t key_len, const char *body, size_t len,
    struct validation *out);

/* The seed's {"key":…,"value":…}: on VALID returns both as owned strings. */
void validate_seed_write(const char *body, size_t len, struct validation *out,
    char **key, char **value);
