/* A hiredis context on a libuv loop. */
#pragma once

#include <hiredis/async.h>
#include <uv.h>

/* Borrows the context, which lets go of it by itself when it is freed. */
void redis_uv_attach(redisAsyncContext *ac, uv_loop_t *loop);
