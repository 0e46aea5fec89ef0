/* Pages of api/ that are part of the program: common/base/embed.cmake writes
 * them as C when it is built. */
#pragma once

#include <stddef.h>

struct embedded {
	const char *data; /* NUL-terminated */
	size_t len;
	/* Of its <script> and <style>, as Content-Security-Policy has them
	 * ('sha256-…'); NULL: it has none. */
	const char *script_hash, *style_hash;
};

extern const struct embedded components_json; /* api/openapi/components.json */
extern const struct embedded console_html;
extern const struct embedded docs_html;	  /* with the page's package */
extern const struct embedded nodocs_html; /* without */
