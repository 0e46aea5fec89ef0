/* The settings of sluice-api as a struct, from api/core/settings.def. */
#pragma once

#include "common/daemon/config.h"
#include "common/net/tls_server.h"

struct api_settings {
	struct common_settings common; /* first: common/daemon/config.h */
#define SETTING(kind, field, name, def, allowed, aliases, help)                \
	SETTING_MEMBER(kind, field)
#include "api/core/settings.def"
#undef SETTING
};

extern const struct setting api_setting_rows[];
extern const size_t api_setting_count;
struct credentials_options;
/* Borrows from the settings. */
struct credentials_options api_settings_credentials(
    const struct api_settings *s);
/* Checks that concern more than one setting. Returns the first fault. */
struct err api_settings_check(const struct config *c);
/* Can the certificate of the public listener be used? */
struct err api_settings_check_files(const struct config *c);
/* What the settings say of the TLS of the public listener. Borrows. */
struct tls_server_options api_settings_tls(const struct api_settings *s);
