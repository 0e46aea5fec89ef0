#include "api/core/media.h"

#include "common/http/http_head.h"

#include <string.h>
#include <strings.h>

/* Patches are JSON, too, but not documents. If one were taken for a document,
 * it would replace the row. */
static bool media_is_any_patch(const struct request *r)
{
	return media_is(r, MERGE_TYPE) || media_is(r, INCREMENT_TYPE) ||
	       media_is(r, "application/json-patch+json");
}

bool media_is_patch(const struct request *r)
{
	return media_is(r, MERGE_TYPE) || media_is(r, INCREMENT_TYPE) ||
	       media_is(r, JSON_TYPE);
}

bool media_is_json(const struct request *r)
{
	return media_is(r, JSON_TYPE) || (http_head_is_json(request_header(r,
					      MHD_HTTP_HEADER_CONTENT_TYPE)) &&
					     !media_is_any_patch(r));
}

bool media_is(const struct request *r, const char *want)
{
	const char *type = request_header(r, MHD_HTTP_HEADER_CONTENT_TYPE);
	size_t len = type ? strcspn(type, "; \t") : 0;
	return len == strlen(want) && strncasecmp(type, want, len) == 0;
}
