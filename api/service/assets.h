/* Answers that never change: made once, at start, with an ETag, and shared by
 * all threads: /openapi.json, the console, and the page that shows the former.
 *
 * That page is a package of its own (Swagger UI). Its files are read at start
 * and served from here: a browser loads nothing from elsewhere, which the
 * Content-Security-Policy holds it to. Without them /docs says so.
 */
#pragma once

#include "api/core/request.h"
#include "common/http/router.h"

struct assets;

/* Collections are loaded. `docs_dir` is the setting docs.dir; the routes are
 * those that /openapi.json describes. Returns owned. */
struct assets *assets_new(const char *docs_dir, const struct router *routes);
/* No request is in hand any more. */
void assets_free(struct assets **a);

enum step_result assets_openapi(struct request *r);
enum step_result assets_console(struct request *r);
enum step_result assets_docs(struct request *r);
enum step_result assets_docs_script(struct request *r);
enum step_result assets_docs_style(struct request *r);
