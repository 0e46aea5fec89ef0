/* Files of api/ that are part of the program. The build writes them as C
 * (common/base/embed.cmake). */
#pragma once

#include <stddef.h>

struct embedded {
	const char *data; /* NUL-terminated */
	size_t len;
	/* The hashes of its <script> and <style> for Content-Security-Policy
	 * ('sha256-…'); NULL: it has none. */
	const char *script_hash, *style_hash;
};

extern const struct embedded components_json; /* api/openapi/components.json */
extern const struct embedded console_html;    /* api/console/console.html */
#define CONSOLE_FILE(symbol, name, type) extern const struct embedded symbol;
#include "api/console/files.def"
#undef CONSOLE_FILE
extern const struct embedded docs_html;	  /* /docs, with Swagger UI */
extern const struct embedded nodocs_html; /* /docs, without it */
