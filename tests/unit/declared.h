/* The declarations that the tests speak of: the shipped ones and those of
 * tests/collections.
 */
#pragma once

#ifndef SLUICE_SOURCE /* tests/unit/CMakeLists.txt sets it */
#define SLUICE_SOURCE "."
#endif

#include "common/base/check.h"
#include "common/schema/collection.h"

#include <stdio.h>
#include <string.h>

static inline const struct collection *declared(const char *name)
{
	if (collection_at(0) == NULL) {
		struct err e = collections_load(SLUICE_SOURCE
		    "/common/collections:" SLUICE_SOURCE "/tests/collections");
		if (e.kind != ERR_KIND_OK)
			fprintf(stderr, "%s\n", e.msg);
		CHECK(e.kind == ERR_KIND_OK);
	}
	const struct collection *c = collection_find(name, strlen(name));
	CHECK(c != NULL);
	return c;
}
