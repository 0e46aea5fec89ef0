/* The folders of files that are installed with the programs. */
#pragma once

#include "common/base/buf.h"

/* Appends the path of a folder: the one beside the program as it is built, or
 * else the installed one (PREFIX/share/sluice), even if that does not exist. */
void datadir_folder(struct buf *out, const char *name);
