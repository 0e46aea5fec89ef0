/* Asks a writer about rejected writes, at its admin listener: the setting
 * writer.admin. Only a writer may read their documents, and send them again.
 */
#pragma once

#include "api/admin/operand.h"
#include "common/net/tls_client.h"

struct api_settings;
struct instance;

/* The settings writer.admin and writer.tls.*. */
struct err writer_ask_check(const struct api_settings *s);
/* Main loop. `path`: with /rejections at its beginning, as the client sent it.
 * `after`: NULL, or for the query, as it was decoded. `body`: JSON, or empty;
 * borrowed during the call. `done` is called once, later, on the main loop,
 * with what the writer said, or with a 404 (no writer is named) or a 503, and
 * {"error":"…"}. */
void writer_ask_begin(struct instance *instance, const char *method,
    const char *path, const char *after, const struct buf *body,
    operand_done done, void *arg);
