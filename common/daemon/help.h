/* The text of --help: what a daemon can be told, in groups, and wrapped to the
 * width of the terminal. */
#pragma once

#include "common/daemon/daemon.h"

/* Prints it on standard output. */
void help_print(const struct daemon_spec *spec);
/* Prints words with line breaks: every line begins with `indent` blanks, and
 * has at most `width` columns, if its first word fits. */
void help_wrap(const char *text, size_t indent, size_t width);
