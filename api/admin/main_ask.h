/* Routes of the public listener that the main loop answers, because the admin
 * listener (api/admin/admin_routes.h) has them, too: GET /inspect/…, DELETE
 * /cache…; or because a writer has them: /rejections…. Who may use them, the
 * settings access.* say.
 */
#pragma once

#include "api/core/route.h"

extern const struct feature inspect_feature;
extern const struct feature purge_feature;
/* A purge of all, as the reference systems name it: POST /cache/clear, POST
 * /clear-cache. */
extern const struct feature clear_feature;
/* /rejections…: a writer is asked (api/admin/writer_ask.h). */
extern const struct feature rejections_feature;
