/* The folders that come with the programs. */
#pragma once

#include "common/base/buf.h"

/* Appends the path of one: beside the program as it is built, or else as it is
 * installed (PREFIX/share/sluice), whether it is there or not. */
void datadir_folder(struct buf *out, const char *name);
