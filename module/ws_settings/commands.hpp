// The table of directives put to work: nginx's list of commands, and the making, inheriting and
// filling of configurations.
#pragma once

#include "module/ws_settings/directives.hpp"

#include <array>

namespace ngx_ws {

// The last one is ngx_null_command.
extern std::array<ngx_command_t, std::size(directives) + 1> commands;

// All fields of the directives that are kept in it are made unset.
void unset_main(void *conf) noexcept;
void unset_location(void *conf) noexcept;

// A field that is unset takes what holds without its directive.
[[nodiscard]] bool fill_main(ngx_conf_t *cf, void *conf) noexcept;

// A field that is unset is inherited, or takes what holds without its directive. False after an
// error.
[[nodiscard]] bool inherit_location(ngx_conf_t *cf, void *conf, void *prev) noexcept;

}  // namespace ngx_ws
