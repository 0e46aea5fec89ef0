/* Which Sluice this is, and with which libraries it runs. */
#pragma once

#include "common/base/buf.h"

/* The commit, or `unknown`; with a `+` if files differed from it. The build
 * makes it (common/daemon/commit.cmake). */
extern const char build_info_commit[];
/* For --version: the program, its version and commit; a line for each library,
 * and one for the formats (common/log/stored_formats.def). */
void build_info_print(const char *program);
/* For GET /version: the same as a JSON object. */
void build_info_json(struct buf *out);
