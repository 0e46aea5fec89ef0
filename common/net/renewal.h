/* Texts that are replaced while the process runs, such as URLs whose password
 * changes.
 *
 * Everybody keeps the text of the start, and asks for the present one when it
 * makes a new connection. So nobody has to be told. Any thread may call.
 */
#pragma once

/* The text that `first` stands for now; owned. */
char *renewal_of(const char *first);
/* `first` stands for `now` from now on. */
void renewal_set(const char *first, const char *now);
