/* The admin listener of the api: what it says of the instance. */
#pragma once

#include "api/app.h"
#include "common/base/buf.h"

/* True: everything that requests need is there. Otherwise adds the reasons, a
 * line each. Main loop only. */
bool app_can_serve(struct app *app, struct buf *reasons);
/* Opens the admin listener. */
struct err app_admin_start(struct app *app);
/* Sets the gauges that are read at each scrape. `app`: a struct app. Main loop
 * only. */
void app_refresh(void *app);
