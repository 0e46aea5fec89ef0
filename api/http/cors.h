/* Cross-origin resource sharing (https://fetch.spec.whatwg.org, "HTTP CORS
 * protocol"): which answers may pages of other origins read, and which requests
 * may they send (pure core).
 *
 * `origins` is the setting cors.origins: origins, separated by commas, or `*`.
 * Empty: no page of another origin may. Whoever is named may send cookies and
 * client certificates, too; with `*` nobody may.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct cors_header {
	const char *name, *value;
};
enum { CORS_HEADERS = 8 };

/* Is it empty, `*`, or a list of origins (`https://app.example:8443`)? */
bool cors_check(const char *origins);
/* The headers of every answer, whoever asks. Returns their number; likewise
 * below. */
size_t cors_always(const char *origins, struct cors_header out[CORS_HEADERS]);
/* What an answer to a page of `origin` (NULL: none) has besides. The values are
 * valid as long as the arguments are. */
size_t cors_for(const char *origins, const char *origin,
    struct cors_header out[CORS_HEADERS]);
/* What the answer to a preflight has besides both. `methods`: of the path. */
size_t cors_preflight(const char *origins, const char *origin,
    const char *methods, struct cors_header out[CORS_HEADERS]);
/* May this origin get an answer that is made once for all, with the headers of
 * cors_always? */
bool cors_shares(const char *origins, const char *origin);
