#include "common/log/stored_formats.h"

const struct stored_format_row stored_formats[STORED_FORMATS] = {
#define FORMAT(id, name, number, text) {name, number, text},
#include "common/log/stored_formats.def"
};
