/* Answers that never change: /openapi.json, the console, and the page at /docs.
 * They are made once, at start, with an ETag, and shared by all threads.
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
/* No request may be in progress any more. */
void assets_free(struct assets **a);

enum step_result assets_openapi(struct request *r);
enum step_result assets_console(struct request *r);
/* GET /console/{file}: a script or a style of the console. */
enum step_result assets_console_file(struct request *r);
enum step_result assets_docs(struct request *r);
enum step_result assets_docs_script(struct request *r);
enum step_result assets_docs_style(struct request *r);
