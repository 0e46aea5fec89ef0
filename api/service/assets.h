/* Answers that seldom change: /openapi.json, the pages (the console and /docs),
 * and the files of the pages. They are made once, at start, also compressed,
 * with an ETag for each encoding, and shared by all threads. /openapi.json is
 * made again when there are new collections.
 *
 * A client revalidates a page at each use. The page names its files by a path
 * with a version, a hash of all files. So a client may keep a file for ever.
 *
 * The page at /docs is Swagger UI, a package of its own. Its files are read at
 * start and served from here. A browser loads nothing from elsewhere;
 * Content-Security-Policy enforces this. If the package is not installed, /docs
 * says so.
 */
#pragma once

#include "api/core/request.h"
#include "api/http/cors.h"
#include "common/http/router.h"

struct assets;

/* The collections must be loaded. `docs_dir`: the setting docs.dir. `routes`:
 * the routes that /openapi.json describes. `headers`: those of every answer;
 * borrowed during the call. Returns owned. */
struct assets *assets_new(const char *docs_dir, const struct router *routes,
    const struct cors_header *headers, size_t n);
/* Makes /openapi.json again, of the collections in use, on a thread of its own;
 * until it is made, the former one is served. On the main loop; requests of
 * other threads may be in progress. `routes` and what the headers point to must
 * live until assets_free; the array itself is copied. */
void assets_renew(struct assets *a, const struct router *routes,
    const struct cors_header *headers, size_t n);
/* No request may be in progress any more. */
void assets_free(struct assets **a);

enum step_result assets_openapi(struct request *r);
enum step_result assets_console(struct request *r);
enum step_result assets_docs(struct request *r);
/* GET /assets/{version}/{file}: a script or a style of a page. With another
 * version than ours: the same file, but the client must revalidate it. */
enum step_result assets_file(struct request *r);
